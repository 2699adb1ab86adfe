/// \file
/// Variances of predictions by extra right-hand sides.
#pragma once

#include <vector>

#include "cli/pcg_system.hpp"

namespace widelimit::cli {

struct Variances {
  std::vector<double> values;  ///< N_test, the same on all ranks
  double residual = 0;         ///< largest relative residual of the equations solved for them
};

/// Variance of each test point under the law of regression/posterior.hpp that the job asks for,
/// K̂⁻¹K_dt solved for a block of test points at a time. Collective; as many solves as there are
/// blocks; for the ensemble one product with the NNGP (made anew) for each block besides. Throws
/// Stopped.
template <class Real>
Variances pcg_variances(RunContext& context, Problem<Real> const& problem,
                        PcgSystem<Real> const& system);

extern template Variances pcg_variances(RunContext&, Problem<float> const&,
                                        PcgSystem<float> const&);
extern template Variances pcg_variances(RunContext&, Problem<double> const&,
                                        PcgSystem<double> const&);

}  // namespace widelimit::cli
