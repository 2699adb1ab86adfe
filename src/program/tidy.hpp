/// \file
/// Element-wise instructions without superfluous operands.
#pragma once

#include "widelimit/program/program.hpp"

namespace widelimit::program::detail {

/// Merges operands that are the same, and drops those that the expression does not use and whose
/// shape the result has without them.
void tidy(Program const& program, Instruction& instruction);

}  // namespace widelimit::program::detail
