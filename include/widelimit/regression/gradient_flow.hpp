/// \file
/// The laws of gradient flow on a quadratic loss, for one eigenvalue of the kernel.
#pragma once

#include <limits>
#include <optional>

namespace widelimit::regression {

/// Outputs f = f₀ + K·a trained by gradient flow on L = scale/2·Σ(f - y)² + (scale·λ/2)·aᵀKa, the
/// ridge λ pulling the weights to where they began. In an eigenvector of K̂ = K + λI with eigenvalue
/// κ, a(t) = c(κ, t)·(y - f₀) and y - f - λa = h(κ, t)·(y - f₀), c = (1 - h)/κ.
///
/// Without momentum h = exp(-rate·scale·κ·t). With momentum m, as neural-tangents has it:
/// a = a(s), s = √rate·t, a″ + ((1 - m)/√rate)·a′ = scale·(y - f - λa), a(0) = a′(0) = 0.
struct GradientFlow {
  double rate = 1;
  double scale = 1;                     ///< of the loss: 1/N, or 1/(N·C)
  std::optional<double> momentum = {};  ///< from 0 to below 1

  static constexpr double forever = std::numeric_limits<double>::infinity();

  /// h, from 1 at t = 0 to 0 at t = ∞. κ below 0 counts as 0, in all functions.
  double remaining(double kappa, double time) const;
  /// c, without cancellation for small κ. At t = ∞ κ must be above 0.
  double coefficient(double kappa, double time) const;
};

/// The largest rate at which gradient descent with steps in place of the flow stays bounded:
/// 2(1 + m)/(scale·(λ_max + λ)), m the heavy-ball momentum.
double largest_stable_rate(double largest_eigenvalue, double scale, double momentum = 0);

/// The same for Nesterov's momentum: 2(1 + m)/((1 + 2m)·scale·(λ_max + λ)).
double largest_stable_rate_nesterov(double largest_eigenvalue, double scale, double momentum);

}  // namespace widelimit::regression
