/// \file
/// Dual activations of functions with a Gaussian factor. As in error_function.hpp they depend on ρ
/// = gg'c, here with g² = s/(1+s), s = -2bq.
#pragma once

#include "widelimit/kernels/duals/error_function.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::kernels {

/// a·exp(b·x²): K' = a²√(pp')/√(1-ρ²), K̇ = ∂K'/∂K. For b > 0 the kernel exists where 4bq < 1 only,
/// and g is √(2bq/(1-2bq)).
template <class Real>
struct GaussianDual {
  explicit GaussianDual(network::Gaussian const&) {}
  static constexpr int n_coefficients(network::Gaussian const&) { return 3; }
  static double prepare(network::Gaussian const& f, double r, double* out) {
    double const s = 2 * f.b * r * r;
    if (s >= 0.5) {
      throw InputError("gaussian: b = " + std::to_string(f.b) +
                       " is too large for a pre-activation of variance " + std::to_string(r * r) +
                       ": its kernel is finite only where 4·b·variance < 1; lower b or w_std");
    }
    double const width = 1 / (1 - s);
    double const g2 = std::abs(s) * width;
    double const p = f.b <= 0 ? width : (1 - 2 * s) * width;  // 1-g²
    double const root = std::sqrt(std::sqrt(p * (2 - p)));    // (1-g⁴)^¼
    out[0] = std::sqrt(g2);
    out[1] = p;
    out[2] = root;
    return std::abs(f.a) * std::sqrt(width) / root;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real> row,
                                                     Point<Real> col) const {
    SaturatedCorrelation<Real> const at(in, row[0], row[1], col[0], col[1]);
    Real const c = row[2] * col[2] / Kokkos::sqrt(at.one_minus_square);
    Real const slope = c * (row[0] * col[0]) * at.rho / at.one_minus_square;
    return entry_of(c, in.t * slope, same_saturation(in, row, col));
  }

  /// V = 1/√(1-ρ²), even in c.
  KOKKOS_FORCEINLINE_FUNCTION Real refined_defect(Entry<Real> const& in, Entry<Real> const& out,
                                                  Point<Real> row, Point<Real> col) const {
    SaturatedDifference<Real> const at(in, in.c < 0, row[0], row[1], col[0], col[1]);
    Real const value = out.c / (row[2] * col[2]);
    Real const e =
        (square(row[2] - col[2]) * value + square(row[2]) * gap(at, row[0], row[1], at.to_row) +
         square(col[2]) * gap(at, col[0], col[1], at.to_col)) /
        2;
    return select(comparable(row[2], col[2]), e, out.e);
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION static Real gap(SaturatedDifference<Real> const& at, Real g, Real p,
                                              Real to_rho) {
    Real const cosine = Kokkos::sqrt(p * (2 - p));
    return to_rho * (square(g) + at.rho) / (cosine * at.cosine * (cosine + at.cosine));
  }
};

namespace detail {

/// sinh(x)/x and cosh x in powers of x², on [-1/2, 1/2] to a relative error below 1e-17.
template <class Real>
struct HyperbolicSeries {
  static constexpr Real sinh[] = {
      1, Real(1) / 6, Real(1) / 120, Real(1) / 5040, Real(1) / 362880, Real(1) / 39916800};
  static constexpr Real cosh[] = {1,
                                  Real(1) / 2,
                                  Real(1) / 24,
                                  Real(1) / 720,
                                  Real(1) / 40320,
                                  Real(1) / 3628800,
                                  Real(1) / 479001600};
};

}  // namespace detail

/// exp(-x²)·sin x. With D = 1-ρ² (s = 2q): K' = √(pp'/D)·exp(-S)·sinh A, S = 1/2 - (p+p')/(4D),
/// A = ρ√(pp')/(2D) <= 1/2, and K̇rr' = gg'·∂K'/∂ρ.
template <class Real>
struct GaborDual {
  explicit GaborDual(network::Gabor const&) {}
  static constexpr int n_coefficients(network::Gabor const&) { return 4; }
  static double prepare(network::Gabor const&, double r, double* out) {
    Saturation const at(2 * r * r);
    double const root_p = std::sqrt(at.p);
    double const d = at.p * (2 - at.p);  // 1-g⁴
    double const g2 = at.g * at.g;
    double const r_new = std::sqrt(at.p / std::sqrt(d) * std::exp(-(0.5 - at.p / (2 * d))) *
                                   std::sinh(g2 * at.p / (2 * d)));
    out[0] = at.g;
    out[1] = at.p;
    out[2] = root_p;
    out[3] = r_new > 0 ? root_p / r_new : 0;
    return r_new;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real> row,
                                                     Point<Real> col) const {
    SaturatedCorrelation<Real> const at(in, row[0], row[1], col[0], col[1]);
    Real const inverse = 1 / at.one_minus_square;
    Real const root_pp = row[2] * col[2];
    Real const p_sum = row[1] + col[1];
    Real const a = at.rho * root_pp * inverse / 2;
    Real const a2 = a * a;
    Real const sinh_a = a * detail::polynomial<detail::HyperbolicSeries<Real>::sinh>(a2);
    Real const cosh_a = detail::polynomial<detail::HyperbolicSeries<Real>::cosh>(a2);
    Real const weight =
        row[3] * col[3] * Kokkos::sqrt(inverse) * exponential(p_sum * inverse / 4 - Real(0.5));
    Real const slope = sinh_a * at.rho * inverse * (1 + p_sum * inverse / 2) +
                       cosh_a * (root_pp / 2) * (1 + at.rho * at.rho) * inverse * inverse;
    return entry_of(weight * sinh_a, in.t * weight * (row[0] * col[0]) * slope,
                    same_saturation(in, row, col));
  }
};

}  // namespace widelimit::kernels
