#include "widelimit/regression/gradient_flow.hpp"

#include <algorithm>
#include <cmath>

namespace widelimit::regression {
namespace {

/// (e^z - 1)/z.
double phi(double z) {
  return z == 0 ? 1 : std::expm1(z) / z;
}

/// x″ + γx′ + ω²x = 0 from x = 1, x′ = 0.
struct Oscillator {
  double gamma, omega2;

  double discriminant() const { return gamma * gamma / 4 - omega2; }

  double position(double s) const {
    double const d = discriminant();
    double const damping = std::exp(-gamma * s / 2);
    if (std::abs(d) * s * s < 1e-6) {  // cosh and sinh by the first terms of their series
      return damping * (1 + d * s * s / 2 + gamma * s / 2 * (1 + d * s * s / 6));
    }
    if (d < 0) {
      double const theta = std::sqrt(-d);
      return damping * (std::cos(theta * s) + gamma / 2 * std::sin(theta * s) / theta);
    }
    double const delta = std::sqrt(d);
    double const fast = gamma / 2 + delta, slow = omega2 / fast;
    return (fast * std::exp(-slow * s) - slow * std::exp(-fast * s)) / (2 * delta);
  }

  /// (1 - position)/ω², finite as ω → 0.
  double displacement(double s) const {
    if (omega2 > gamma * gamma / 8) return (1 - position(s)) / omega2;
    double const delta = std::sqrt(discriminant());
    double const fast = gamma / 2 + delta, slow = omega2 / fast;
    return (std::expm1(-fast * s) / fast + s * phi(-slow * s)) / (2 * delta);
  }
};

}  // namespace

double GradientFlow::remaining(double kappa, double time) const {
  if (time == forever) return 0;
  kappa = std::max(kappa, 0.0);
  if (!momentum) return std::exp(-rate * scale * kappa * time);
  return Oscillator{(1 - *momentum) / std::sqrt(rate), scale * kappa}.position(std::sqrt(rate) *
                                                                               time);
}

double GradientFlow::coefficient(double kappa, double time) const {
  kappa = std::max(kappa, 0.0);
  if (time == forever) return 1 / kappa;
  if (!momentum) return rate * scale * time * phi(-rate * scale * kappa * time);
  return scale * Oscillator{(1 - *momentum) / std::sqrt(rate), scale * kappa}.displacement(
                     std::sqrt(rate) * time);
}

double largest_stable_rate(double largest_eigenvalue, double scale, double momentum) {
  return 2 * (1 + momentum) / (scale * largest_eigenvalue);
}

double largest_stable_rate_nesterov(double largest_eigenvalue, double scale, double momentum) {
  return 2 * (1 + momentum) / ((1 + 2 * momentum) * scale * largest_eigenvalue);
}

}  // namespace widelimit::regression
