/// \file
/// Gradient flow on any loss as a differential equation in function space.
#pragma once

#include <optional>
#include <vector>

#include "widelimit/linalg/adaptive_ode.hpp"
#include "widelimit/regression/loss.hpp"
#include "widelimit/regression/training_kernel.hpp"

namespace widelimit::regression {

/// What flows: time in steps, L = loss_scale·(Σ ℓ + ridge/2·aᵀKa).
struct FlowRule {
  double rate = 1;
  double loss_scale = 1;
  double ridge = 0;
  /// As neural-tangents has it, see GradientFlow; none: first order.
  std::optional<double> momentum = {};
};

/// f = f₀ + K·a with a′ = -rate·G, G = loss_scale·(∇ℓ(f) + ridge·a); with momentum m, a′ = √rate·b,
/// b′ = -(1 - m)·b - √rate·G. The unknowns are a and K·a (and b and K·b), one after the other, each
/// column-major, this rank's rows; so one product with K gives the slopes of both.
class FlowEquation {
 public:
  /// \param f0, y  outputs before training and targets, this rank's rows, column-major
  /// \param largest_eigenvalue  of K, or a bound  \param mean_diagonal  of K
  FlowEquation(TrainingKernel const& kernel, Loss loss, FlowRule rule, std::vector<double> f0,
               std::vector<double> y, Index outputs, double largest_eigenvalue,
               double mean_diagonal);

  linalg::OdeState start() const;
  /// Errors are relative to the size of the outputs, the coefficients to that of what they have
  /// become. \param go_on  asked within products; false on any rank interrupts. The equation must
  /// outlive the solver.
  linalg::AdaptiveOde solver(double tolerance, std::function<bool()> go_on) const;

  std::vector<double> coefficients(linalg::OdeState const& state) const;  ///< a
  std::vector<double> outputs(linalg::OdeState const& state) const;       ///< f

 private:
  bool slopes(std::vector<double> const& y, std::vector<double>& dy,
              std::function<bool()> const& go_on) const;
  double norm(std::vector<double> const& error, std::vector<double> const& y,
              double tolerance) const;
  double radius(std::vector<double> const& y) const;

  TrainingKernel const& kernel_;
  Loss loss_;
  FlowRule rule_;
  std::vector<double> f0_, y_;
  Index outputs_;
  double largest_eigenvalue_, mean_diagonal_;
  double target_size_ = 1;
};

/// An estimate of the largest eigenvalue of K, from below, by at most `products` products of
/// Lanczos, fewer where it has settled to `accuracy`; none: interrupted. Collective.
std::optional<double> largest_eigenvalue(TrainingKernel const& kernel, Index products,
                                         double accuracy, std::function<bool()> const& go_on);

}  // namespace widelimit::regression
