/// \file
/// Makes programs cheaper without changing what they compute.
#pragma once

#include "widelimit/program/program.hpp"

namespace widelimit::program {

/// In each block: values that are copies of others are replaced by them, equal instructions are
/// computed once, element-wise instructions whose result is read once are merged into the one that
/// reads it, and what neither an update nor an observable needs is left out. Values keep their Ids;
/// those that no instruction defines any more stay in the table. Local.
void optimize(Program& program);

}  // namespace widelimit::program
