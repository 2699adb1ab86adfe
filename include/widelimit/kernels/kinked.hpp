/// \file
/// Kernels of functions that are linear on one side of 0 and exponential on the other (elu, selu).
///
/// Their kink makes every rule in Cartesian coordinates, and the Hermite series, converge slowly.
/// In polar coordinates (ρ, α) of the plane of (u, v) the integrand is analytic on each of the four
/// arcs of equal signs, and the radial integral has a closed form in the Mills ratio M:
///   D(s) = ∫ ρ exp(-ρ²/2)(1 - exp(-sρ)) dρ = s·M(s),
///   F(s) = ∫ ρ² exp(-ρ²/2)(1 - exp(-sρ)) dρ = √(π/2) + s - (1+s²)·M(s).
/// So a Gauss–Legendre rule in α converges exponentially and uniformly in the correlation.
#pragma once

#include <vector>

#include "widelimit/kernels/correlation.hpp"
#include "widelimit/kernels/mills_ratio.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::kernels {

/// φ(x) = scale·x for x > 0, scale·alpha·(exp(x) - 1) for x < 0.
template <class Real>
struct KinkedFunction {
  Real scale, alpha;

  KOKKOS_FUNCTION explicit KinkedFunction(network::NumericalFunction fn)
      : scale(fn == network::NumericalFunction::selu ? Real(1.0507009873554804934) : Real(1)),
        alpha(fn == network::NumericalFunction::selu ? Real(1.6732632423543772848) : Real(1)) {}
};

/// Whether a function of `numerical` has this form.
constexpr bool is_kinked(network::NumericalFunction fn) {
  return fn == network::NumericalFunction::elu || fn == network::NumericalFunction::selu;
}

/// Two sums over the nodes of a rule on [0, 1], for K' and K̇.
template <class Real>
struct KinkedSums {
  Real value, slope;
};

/// The contribution of one node x (and 1-x) of weight `weight`.
/// \param theta  the angle between the points, in [0, π]; `rest` is π - theta
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION KinkedSums<Real> kinked_node(Real alpha, Real x, Real weight, Real r,
                                                         Real r_col, Real theta, Real rest) {
  constexpr Real root = Real(1.2533141373155002512);  // √(π/2)
  Real const y = 1 - x;
  // Both negative: over an arc of length π-θ.
  Real const s = r * sine(y * rest, theta + x * rest);
  Real const t = r_col * sine(x * rest, theta + y * rest);
  Real const ds = s * mills_ratio(s), dt = t * mills_ratio(t);
  Real const both = (s + t) * mills_ratio(s + t);
  // Signs apart: two arcs of length θ.
  Real const near = sine(x * theta, rest + y * theta), far = sine(y * theta, rest + x * theta);
  Real const p = r * far, q = r_col * far;
  Real const mp = mills_ratio(p), mq = mills_ratio(q);
  Real const fp = root + p - (1 + p * p) * mp, fq = root + q - (1 + q * q) * mq;
  return {weight * alpha * (alpha * rest * (ds + dt - both) - theta * near * (r * fq + r_col * fp)),
          weight * alpha * (alpha * rest * (1 - both) + theta * (2 - p * mp - q * mq))};
}

/// K' and K̇ from the sums over all nodes.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION KinkedSums<Real> kinked_kernel(Real scale, KinkedSums<Real> sums,
                                                           Real c, Real r, Real r_col, Real theta,
                                                           Real rest) {
  Real const factor = square(scale) / (2 * pi<Real>);
  Real const linear = r * r_col * (sine(theta, rest) + rest * c);
  return {factor * (linear + sums.value), factor * (rest + sums.slope)};
}

/// The angle between two points and its complement to π.
template <class Real>
struct Angle {
  Real theta, rest;

  KOKKOS_FORCEINLINE_FUNCTION explicit Angle(Entry<Real> const& in) {
    Real const acute = angle_of_defect(in.e);
    Real const obtuse = pi<Real> - acute;
    theta = in.c >= 0 ? acute : obtuse;
    rest = in.c >= 0 ? obtuse : acute;
  }
};

/// A Gauss–Legendre rule on [0, 1].
struct UnitRule {
  std::vector<double> nodes, weights;
};

/// The rule of n points (Newton's method). Nodes ascend. O(n²), host.
UnitRule gauss_legendre(int n);

/// K' and K̇ of one pair, on the host.
KinkedSums<double> kinked_pair(network::NumericalFunction fn, UnitRule const& rule,
                               Entry<double> const& in, double r, double r_col);

/// The shortest rule that is right to `tolerance` (of the diagonal) for scales up to `r`;
/// `reached` is the accuracy of the rule returned, larger than `tolerance` for huge scales only.
UnitRule kinked_rule(network::NumericalFunction fn, double r, double tolerance, double& reached);

}  // namespace widelimit::kernels
