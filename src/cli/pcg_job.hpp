/// \file
/// Kernel regression by preconditioned conjugate gradients.
#pragma once

#include "cli/run_context.hpp"

namespace widelimit::cli {

/// As planned in `context.plan.choice`. Where the solver does not reach the tolerance, the
/// results hold the solution so far (`/solver` says `converged` = 0), the state of the solver stays
/// beside them, and InputError says what to try. Collective.
void run_pcg_regression(RunContext& context);

}  // namespace widelimit::cli
