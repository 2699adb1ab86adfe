/// \file
/// Dual activations of positively homogeneous functions: arc-cosine kernels (Cho & Saul 2009). They
/// see the correlation alone, never the scales.
#pragma once

#include <cmath>

#include "widelimit/kernels/correlation.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::kernels {

/// a·min(x,0) + b·max(x,0). With γ = (b-a)²/(a²+b²), t = acos|c| and g = (sin t - t cos t)/π:
/// c >= 0: c' = c + γg, Θ̂' = Θ̂(1 - γt/π);  c < 0: c' = γg - (1-γ)|c|, Θ̂' = Θ̂(1 - γ + γt/π).
template <class Real>
struct AbReluDual {
  Real gamma;

  explicit AbReluDual(network::AbRelu const& f)
      : gamma(f.a == 0 && f.b == 0 ? 1 : (f.b - f.a) * (f.b - f.a) / (f.a * f.a + f.b * f.b)) {}
  static constexpr int n_coefficients(network::AbRelu const&) { return 0; }
  static double prepare(network::AbRelu const& f, double r, double*) {
    return r * std::sqrt((f.a * f.a + f.b * f.b) / 2);
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real>,
                                                     Point<Real>) const {
    Real const y = in.e / 2;
    Real const x = Kokkos::sqrt(y) / pi<Real>;
    Real const turn = 2 * x * detail::polynomial<detail::Coefficients<Real>::arcsine>(y);  // t/π
    Real const lift =
        gamma * x * y * detail::polynomial<detail::Coefficients<Real>::relu_deviation>(y);  // γg
    bool const positive = in.c >= 0;
    Real const c = positive ? in.c + lift : lift + (1 - gamma) * in.c;
    Real const slope = positive ? 1 - gamma * turn : 1 - gamma + gamma * turn;
    // 1-c' = e - γg for c >= 0; for c < 0 it is (2-γ) + (γ-1)e - γg, and 1+c' = γ + (1-γ)e + γg.
    Real const one_minus = positive ? in.e - lift : (2 - gamma) + (gamma - 1) * in.e - lift;
    Real const one_plus = gamma + (1 - gamma) * in.e + lift;
    return {c, c >= 0 ? one_minus : one_plus, in.t * slope};
  }
};

/// b·max(x,0): AbRelu with one slope zero (γ = 1), whose correlations are never negative. The
/// commonest function has the cheapest code.
struct OneSided {
  double slope;
};

template <class Real>
struct ReluDual {
  explicit ReluDual(OneSided const&) {}
  static constexpr int n_coefficients(OneSided const&) { return 0; }
  static double prepare(OneSided const& f, double r, double*) {
    return r * std::abs(f.slope) / std::sqrt(2.0);
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real>,
                                                     Point<Real>) const {
    Real const y = in.e * Real(0.5);
    Real const x = Kokkos::sqrt(y) * (1 / pi<Real>);
    Real const half_turn = x * detail::polynomial<detail::Coefficients<Real>::arcsine>(y);  // t/2π
    Real const lift =
        x * y * detail::polynomial<detail::Coefficients<Real>::relu_deviation>(y);  // g
    // One select alone: with several, compilers produce more masks than arithmetic.
    Real const positive = in.c >= 0 ? 1 : 0;
    Real const turn = 2 * half_turn;
    return {positive * in.c + lift, (positive * in.e + (1 - positive)) - lift,
            in.t * (turn + positive * (1 - 2 * turn))};
  }
};

/// sign(x): c' = (2/π)·asin c, and no gradient.
template <class Real>
struct SignDual {
  explicit SignDual(network::Sign const&) {}
  static constexpr int n_coefficients(network::Sign const&) { return 0; }
  static double prepare(network::Sign const&, double r, double*) { return r > 0 ? 1 : 0; }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real>,
                                                     Point<Real>) const {
    Real const c = asin_with_defect(in.c, in.e) * (2 / pi<Real>);
    return {c, angle_of_defect(in.e) * (2 / pi<Real>), 0};
  }
};

/// max(x,0)^n, n = 0 … 5. With J_n = A_n(c)(π-θ) + sin θ B_n(c): c' = J_n/(π(2n-1)!!), and the
/// slope is n² J_{n-1}/(π(2n-1)!!).
template <class Real>
struct RectifiedMonomialDual {
  /// J_n/π of one degree: A_n(c) = c^odd·(a0 + a1 c² + a2 c⁴), B_n(c) = c^(1-odd)·(b0 + b1 c² + b2
  /// c⁴).
  struct ArcCosine {
    Real odd, even;  ///< 1 and 0, or 0 and 1
    Real a[3], b[3];
    Real at_one;  ///< A_n(1) = (2n-1)!!

    struct Value {
      Real value, defect;  ///< J_n/π and A_n(1) - J_n/π
    };

    explicit ArcCosine(int n) : odd(n % 2), even(1 - n % 2) {
      constexpr double a_table[6][3] = {{1, 0, 0}, {1, 0, 0},   {1, 2, 0},
                                        {9, 6, 0}, {9, 72, 24}, {225, 600, 120}};
      constexpr double b_table[6][3] = {{0, 0, 0},  {1, 0, 0},   {3, 0, 0},
                                        {4, 11, 0}, {55, 50, 0}, {64, 607, 274}};
      for (int k = 0; k < 3; ++k) {
        a[k] = static_cast<Real>(a_table[n][k]);
        b[k] = static_cast<Real>(b_table[n][k]);
      }
      at_one = a[0] + a[1] + a[2];
    }

    /// \param t, s  the angle acos|c| and its sine
    KOKKOS_FORCEINLINE_FUNCTION Value operator()(Entry<Real> const& in, Real t, Real s) const {
      Real const c = in.c, c2 = c * c;
      Real const pa = a[0] + c2 * (a[1] + c2 * a[2]);
      Real const pb = b[0] + c2 * (b[1] + c2 * b[2]);
      Real const big_a = (even + odd * c) * pa;
      Real const big_b = (odd + even * c) * pb;
      bool const positive = c >= 0;
      Real const rest = (s * big_b + (positive ? -t : t) * big_a) / pi<Real>;
      // A_n(1) - A_n(c) as (1-c) times a polynomial, so that nothing cancels near c = 1.
      Real const drop = in.e * ((1 + c) * (a[1] + a[2] * (1 + c2)) + odd * pa);
      Real const value = positive ? big_a + rest : rest;
      return {value, positive ? drop - rest : at_one - value};
    }
  };

  ArcCosine arc, arc_below;
  Real scale, slope_scale;

  explicit RectifiedMonomialDual(network::RectifiedMonomial const& f)
      : arc(f.degree), arc_below(f.degree > 0 ? f.degree - 1 : 0) {
    scale = 1 / arc.at_one;
    slope_scale = static_cast<Real>(f.degree * f.degree) * scale;
  }
  static constexpr int n_coefficients(network::RectifiedMonomial const&) { return 0; }
  static double prepare(network::RectifiedMonomial const& f, double r, double*) {
    // The step is 0 at 0, as every other function here: a point of zero norm stays one.
    return r > 0 ? std::pow(r, f.degree) * std::sqrt(ArcCosine(f.degree).at_one / 2.0) : 0;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real>,
                                                     Point<Real>) const {
    Real const t = angle_of_defect(in.e);
    Real const s = Kokkos::sqrt(in.e * (2 - in.e));
    auto const here = arc(in, t, s);
    Real const c = here.value * scale;
    Real const e = here.defect * scale;
    return {c > 1 ? Real(1) : c, e > 0 ? e : Real(0),
            in.t * slope_scale * arc_below(in, t, s).value};
  }
};

}  // namespace widelimit::kernels
