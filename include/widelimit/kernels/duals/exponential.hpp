/// \file
/// Dual activations of exponentials and sinusoids. With x = b·r, everything depends on
/// E(bu ∓ bv)²/2 = (x-x')²/2 + xx'(1∓c), a sum of non-negative terms.
#pragma once

#include <cmath>

#include "widelimit/kernels/correlation.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::kernels {

/// Functions whose normalised kernel is Gaussian: c' = exp(-E(bu-bv)²/2), Θ̂' = Θ̂·xx'·c'.
/// a·exp(bx), and √2·sin(√(2γ)x + π/4) with b = √(2γ).
template <class Real>
struct GaussianKernelDual {
  explicit GaussianKernelDual(network::Exp const&) {}
  explicit GaussianKernelDual(network::Rbf const&) {}
  static constexpr int n_coefficients(network::Exp const&) { return 1; }
  static constexpr int n_coefficients(network::Rbf const&) { return 1; }
  static double prepare(network::Exp const& f, double r, double* out) {
    out[0] = std::abs(f.b) * r;
    return std::abs(f.a) * std::exp(f.b * f.b * r * r);
  }
  static double prepare(network::Rbf const& f, double r, double* out) {
    out[0] = std::sqrt(2 * f.gamma) * r;
    return 1;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real> row,
                                                     Point<Real> col) const {
    Real const product = row[0] * col[0];
    Real const distance = square(row[0] - col[0]) / 2 + product * in.one_minus();
    Real const defect = one_minus_exp_of_minus(distance);
    Real const c = defect < Real(0.5) ? 1 - defect : exponential(-distance);
    return {c, defect, in.t * product * c};
  }
};

/// The kernel √(qq')·exp(γ(c + shift)).
template <class Real>
struct ExpNormalizedDual {
  Real gamma;

  explicit ExpNormalizedDual(network::ExpNormalized const& f) : gamma(f.gamma) {}
  static constexpr int n_coefficients(network::ExpNormalized const&) { return 0; }
  static double prepare(network::ExpNormalized const& f, double r, double*) {
    return r * std::exp(f.gamma * (1 + f.shift) / 2);
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real>,
                                                     Point<Real>) const {
    Real const distance = gamma * in.one_minus();
    Real const defect = one_minus_exp_of_minus(distance);
    Real const c = defect < Real(0.5) ? 1 - defect : exponential(-distance);
    return {c, defect, in.t * gamma * c};
  }
};

/// a·sin(bx + h); a cosine is a sine with h + π/2. With k = cos 2h and E∓ = exp(-E(bu∓bv)²/2):
/// K' = a²(E- - k·E+)/2, K̇ = a²b²(E- + k·E+)/2. Sums and differences of E∓ are formed from the
/// larger and 1 - exp(-2xx'|c|), so that small inputs lose nothing.
template <class Real>
struct SinusoidDual {
  Real plus, minus;  ///< (1+k)/2 and (1-k)/2

  explicit SinusoidDual(network::Sin const& f) : SinusoidDual(cos_twice(f)) {}
  explicit SinusoidDual(network::Cos const& f) : SinusoidDual(cos_twice(f)) {}
  static constexpr int n_coefficients(network::Sin const&) { return 3; }
  static constexpr int n_coefficients(network::Cos const&) { return 3; }
  template <class F>
  static double prepare(F const& f, double r, double* out) {
    double const x = std::abs(f.b) * r;
    double const k = cos_twice(f);
    // E(φ²)·2/a² = 1 - k·exp(-2x²)
    double const power = (1 - k) + k * -std::expm1(-2 * x * x);
    double const r_new = std::abs(f.a) * std::sqrt(power / 2);
    out[0] = x;
    out[1] = power > 0 ? 1 / std::sqrt(power) : 0;
    out[2] = std::exp(-2 * x * x);
    return r_new;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real> row,
                                                     Point<Real> col) const {
    Real const product = row[0] * col[0];
    Real const larger = exponential(-(square(row[0] - col[0]) / 2 + product * in.e));
    Real const gap = one_minus_exp_of_minus(2 * product * Kokkos::fabs(in.c));
    Real const difference = Kokkos::copysign(larger * gap, in.c);  // E- - E+
    Real const sum = larger * (2 - gap);                           // E- + E+
    Real const weight = row[1] * col[1];
    Real const c = weight * (minus * sum + plus * difference);
    Real const slope = weight * product * (plus * sum + minus * difference);
    return entry_of(c, in.t * slope, same_point(in, row, col));
  }

  /// As in SaturatedDifference, with V = E- - k·E+. The `near` exponential is the one that is 1 for
  /// nearly aligned points: E+ where c' < 0, and for opposite points of an even function (k < 0).
  KOKKOS_FORCEINLINE_FUNCTION Real refined_defect(Entry<Real> const& in, Entry<Real> const& out,
                                                  Point<Real> row, Point<Real> col) const {
    Real const k = plus - minus, rest = 1 - Kokkos::fabs(k);
    bool const negative = out.c < 0;
    bool const swapped = negative | ((k < 0) & (in.c < 0));
    Real const x = row[0], y = col[0], apart = y - x;
    Real const plus_c = in.one_plus(), minus_c = in.one_minus();
    Real const turned = x * y * select(swapped, plus_c, minus_c);
    Real const fall = one_minus_exp_of_minus(square(apart) / 2 + turned);  // 1 - near
    // exp(-2x²) - far
    Real const far_row = row[2] * one_minus_exp_of_minus(apart * (y + 3 * x) / 2 - turned);
    Real const far_col = col[2] * one_minus_exp_of_minus(-apart * (x + 3 * y) / 2 - turned);
    Real const far = row[2] - far_row;
    Real const weight = swapped ? rest : Real(0), side = negative ? Real(1) : Real(-1);
    Real const common = fall + weight * (1 + side * far - fall);
    Real const value = Kokkos::fabs(out.c) / (row[1] * col[1]);
    Real const e = (square(row[1] - col[1]) * value + square(row[1]) * (common - k * far_row) +
                    square(col[1]) * (common - k * far_col)) /
                   2;
    return select(comparable(row[1], col[1]), e, out.e);
  }

 private:
  explicit SinusoidDual(double k) : plus((1 + k) / 2), minus((1 - k) / 2) {}
  static double cos_twice(network::Sin const& f) { return f.c == 0 ? 1 : std::cos(2 * f.c); }
  static double cos_twice(network::Cos const& f) { return f.c == 0 ? -1 : -std::cos(2 * f.c); }
};

}  // namespace widelimit::kernels
