/// \file
/// Variances and covariances of predictions by extra right-hand sides.
#pragma once

#include <vector>

#include "cli/pcg_system.hpp"

namespace widelimit::cli {

struct PcgPosterior {
  std::vector<double> variance;    ///< N_test, the same on all ranks; empty: not asked for
  Range rows{0, 0};                ///< of the covariance that are this rank's
  std::vector<double> covariance;  ///< rows.size() x N_test, row-major; exactly symmetric
  double residual = 0;             ///< largest relative residual of the equations solved
};

/// What the job asks for of the laws of regression/posterior.hpp, K̂⁻¹K_dt solved for a block of
/// test points at a time. Collective. Variances: as many solves as there are blocks; for the
/// ensemble one product with the NNGP (made anew) for each block besides. Covariances: K_dt made
/// anew for each block besides, and for the ensemble twice the solves; memory for N_test² numbers
/// over the ranks. Throws Stopped.
template <class Real>
PcgPosterior pcg_posterior(RunContext& context, Problem<Real> const& problem,
                           PcgSystem<Real> const& system);

extern template PcgPosterior pcg_posterior(RunContext&, Problem<float> const&,
                                           PcgSystem<float> const&);
extern template PcgPosterior pcg_posterior(RunContext&, Problem<double> const&,
                                           PcgSystem<double> const&);

}  // namespace widelimit::cli
