/// \file
/// What every way of training is given.
#pragma once

#include <optional>

#include "widelimit/gram/block_cyclic_sink.hpp"

#include "cli/dynamics_plan.hpp"
#include "cli/run_context.hpp"

namespace widelimit::cli {

/// Data, targets and outputs before training of a job of type `dynamics`.
template <class Real>
struct DynamicsProblem {
  std::unique_ptr<Problem<Real>> points;
  Targets targets;
  linalg::ReplicatedMatrix start;                      ///< f₀ at the training points, N x C
  std::optional<linalg::ReplicatedMatrix> start_test;  ///< at test points; none: zero

  gram::Kernel kernel = gram::Kernel::ntk;
  double loss_scale = 1;  ///< 1/N or 1/(N·C): L = loss_scale·Σ ℓ
  double ridge = 0;       ///< λ, absolute, with what the weight decay towards the start adds to it

  Index outputs() const { return targets.train.cols; }
};

/// Reads and checks all of it. Collective. Throws InputError: data of other shapes, targets that do
/// not fit the loss.
template <class Real>
DynamicsProblem<Real> load_dynamics(RunContext& context);

}  // namespace widelimit::cli
