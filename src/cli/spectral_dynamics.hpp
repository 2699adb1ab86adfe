/// \file
/// Gradient flow on the squared error by all eigenvectors of the kernel.
#pragma once

#include "cli/dynamics_problem.hpp"
#include "cli/trajectory.hpp"

namespace widelimit::cli {

struct SpectralOutcome {
  Trajectory trajectory;
  std::optional<CovarianceSlices> covariances;
  double largest_eigenvalue = 0;  ///< of the kernel
  double ridge = 0;
};

/// The flow of `context.input.job` at its times, and with `ensemble` its covariances. The tiles of
/// the kernel are kept in the checkpoint, so that a run that is stopped need not compute them
/// again; the caller removes it. Collective. Throws Stopped.
template <class Real>
SpectralOutcome spectral_dynamics(RunContext& context, DynamicsProblem<Real> const& problem);

}  // namespace widelimit::cli
