/// \file
/// What conjugate gradients came to, in words.
#pragma once

#include <vector>

#include "widelimit/linalg/pcg.hpp"
#include "widelimit/regression/equal_points.hpp"

#include "cli/run_context.hpp"

namespace widelimit::cli {

/// The end of a solve.
struct PcgOutcome {
  linalg::PcgEnd end = linalg::PcgEnd::converged;
  double residual = 0;         ///< largest true ‖Y - (K + λI)α‖/‖Y‖ of a column
  double kernel_rounding = 0;  ///< by how much the rounding of K's entries may move it
  double mean_diagonal = 0;    ///< of K
};

/// Warns of equal training points (or throws InputError, as the job asks), which leave a kernel
/// without a ridge singular. The same on all ranks.
void check_duplicates(RunContext const& context, std::vector<regression::EqualPair> const& pairs);

/// Logs iterations and residual, and warns where the kernel's rounding hides the tolerance. Local.
void report(RunContext const& context, linalg::PcgState const& state, PcgOutcome const& outcome);

/// Throws InputError: what kept a solve from the tolerance, and what to try. The same on all ranks.
[[noreturn]] void fail(RunContext const& context, linalg::PcgState const& state,
                       PcgOutcome const& outcome);

}  // namespace widelimit::cli
