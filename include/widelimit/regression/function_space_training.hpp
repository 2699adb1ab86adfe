/// \file
/// Gradient descent of a network in the kernel regime, step by step, in function space.
#pragma once

#include <vector>

#include "widelimit/regression/loss.hpp"
#include "widelimit/regression/training_kernel.hpp"

namespace widelimit::regression {

/// A step on a batch B, with weights w and g the gradient of loss_scale·N/|B|·Σ_B ℓ:
/// G = g + decay·(w - origin); v ← m·v + G; w ← w - rate·v, or with Nesterov's momentum
/// w ← w - rate·(G + m·v).
struct StepRule {
  double rate = 1;
  double momentum = 0;
  bool nesterov = false;
  double decay = 0;
  double loss_scale = 1;  ///< 1/N, or 1/(N·C), of the loss of all N points
  /// 0: the origin of the decay is the initial weights. k > 0: it is zero, and outputs are
  /// homogeneous of degree k in the weights.
  int degree = 0;
};

/// Weights w = start·w₀ + Jᵀ·a with the Jacobian J of the initial network. A wide network moves by
/// little in each direction but w₀ itself, so that J at these weights is start^(k-1)·J, and the
/// outputs are start^k·f₀ + start^(k-1)·K·a (with k = 1 and start = 1 where w₀ does not decay).
/// Blocks of columns are column-major, this rank's rows.
struct TrainingState {
  Index step = 0;
  double start = 1, start_velocity = 0;
  std::vector<double> a, velocity;      ///< coefficients, and those of v
  std::vector<double> k_a, k_velocity;  ///< K·a, and K times the velocity
};

/// The recursion for training outputs and coefficients; those of other points follow from a.
class FunctionSpaceTraining {
 public:
  /// \param f0, y  outputs before training and targets, this rank's rows, column-major
  FunctionSpaceTraining(TrainingKernel const& kernel, Loss loss, StepRule rule,
                        std::vector<double> f0, std::vector<double> y, Index outputs);

  TrainingState start() const;

  /// A step on all points; false: interrupted, and the state is as before. Collective.
  bool step(TrainingState& state, std::function<bool()> const& go_on) const;
  /// A step on a batch, without repetitions. Collective, |batch|·N kernel entries.
  void step(TrainingState& state, std::vector<Index> const& batch) const;

  /// Of f in terms of f₀ and K·a.
  double start_factor(TrainingState const& state) const;
  double gain(TrainingState const& state) const;
  /// f at this rank's training points, column-major. Local.
  std::vector<double> outputs(TrainingState const& state) const;
  /// loss_scale·Σ ℓ over all points, not a number where training has left the numbers. Collective.
  double loss(TrainingState const& state) const;

 private:
  /// Adds the step of G = g and K·G to the state.
  void advance(TrainingState& state, std::vector<double> gradient,
               std::vector<double> k_gradient) const;

  TrainingKernel const& kernel_;
  Loss loss_;
  StepRule rule_;
  std::vector<double> f0_, y_;
  Index outputs_;
};

}  // namespace widelimit::regression
