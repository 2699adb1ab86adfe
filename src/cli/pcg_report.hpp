/// \file
/// What conjugate gradients came to, in words.
#pragma once

#include "widelimit/linalg/pcg.hpp"

#include "cli/run_context.hpp"

namespace widelimit::cli {

/// The end of a solve.
struct PcgOutcome {
  linalg::PcgEnd end = linalg::PcgEnd::converged;
  double residual = 0;         ///< largest true ‖Y - (K + λI)α‖/‖Y‖ of a column
  double kernel_rounding = 0;  ///< by how much the rounding of K's entries may move it
  double mean_diagonal = 0;    ///< of K
};

/// Logs iterations and residual, and warns where the kernel's rounding hides the tolerance. Local.
void report(RunContext const& context, linalg::PcgState const& state, PcgOutcome const& outcome);

/// Throws InputError: what kept a solve from the tolerance, and what to try. The same on all ranks.
[[noreturn]] void fail(RunContext const& context, linalg::PcgState const& state,
                       PcgOutcome const& outcome);

}  // namespace widelimit::cli
