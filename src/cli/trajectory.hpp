/// \file
/// What training gives, before it is written.
#pragma once

#include <vector>

#include "widelimit/linalg/replicated_matrix.hpp"

namespace widelimit::cli {

/// The function at one time: f(ξ) = start·f₀(ξ) + gain·K(ξ, X)·a.
struct TrajectoryPoint {
  double time = 0;                        ///< in steps
  linalg::ReplicatedMatrix coefficients;  ///< a, N x C
  linalg::ReplicatedMatrix train;         ///< f at the training points, N x C
  double start = 1, gain = 1;
};

using Trajectory = std::vector<TrajectoryPoint>;

/// Covariances at the times [times.begin, times.end) of the kept ones, one matrix after the other:
/// each rank has those of its times.
struct CovarianceSlices {
  Range times;
  std::vector<double> train, train_with_ridge;  ///< N x N each; the second only with a ridge
  std::vector<double> test;                     ///< N_test x N_test each
};

}  // namespace widelimit::cli
