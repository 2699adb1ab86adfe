/// \file
/// Records that a program computes in its steps, computed without a step.
#pragma once

#include <string>

#include "widelimit/program/program.hpp"

namespace widelimit::program {

/// Gives every observable that only `step` computes a value in `observe` too, by the instructions
/// of `step` that make it, so that it can be recorded after the last step. Local. Throws InputError
/// naming file and line where such a value depends on a batch, on a schedule, or on what the step
/// has changed before.
void complete_observables(Program& program, std::string const& file);

}  // namespace widelimit::program
