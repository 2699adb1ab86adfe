/// \file
/// Dual activations of functions made of the error function (Williams 1997; Tsuchida et al. 2021
/// for gelu).
///
/// All are functions of ρ = g g' c with g² = s/(1+s), s a multiple of the variance; p = 1-g² is
/// kept beside g, so that 1-ρ = (g-g')²/2 + (p+p')/2 + g g'(1-c) has no cancellation for saturated
/// units (g → 1).
#pragma once

#include <cmath>

#include "widelimit/kernels/correlation.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::kernels {

/// ρ with 1-|ρ| and 1-ρ², from the coefficients g and p of two points.
template <class Real>
struct SaturatedCorrelation {
  Real rho, defect, one_minus_square;

  KOKKOS_FORCEINLINE_FUNCTION SaturatedCorrelation(Entry<Real> const& in, Real g, Real p,
                                                   Real g_col, Real p_col) {
    Real const gg = g * g_col;
    Real const apart = (square(g - g_col) + p + p_col) / 2;
    rho = gg * in.c;
    defect = apart + gg * in.e;
    one_minus_square = defect * (2 - defect);
  }
};

/// The coefficients g and p of variance times `factor` = s.
struct Saturation {
  double g, p;
  explicit Saturation(double s) : g(std::sqrt(s / (1 + s))), p(1 / (1 + s)) {
    if (std::isinf(s)) g = 1;
  }
};

/// a·erf(b·x) + h: K' = (2a²/π) asin ρ + h² with s = 2b²q, K̇ = (4a²b²/π)/√((1+s)(1+s')(1-ρ²)).
template <class Real>
struct ErfDual {
  explicit ErfDual(network::Erf const&) {}
  static constexpr int n_coefficients(network::Erf const&) { return 4; }
  static double prepare(network::Erf const& f, double r, double* out) {
    Saturation const at(2 * f.b * f.b * r * r);
    double const slope = std::abs(f.a) * std::sqrt(2 / M_PI);
    // asin(g²) from 1-g² = p: exact for saturated units too.
    double const angle = asin_with_defect(at.g * at.g, at.p);
    double const r_new = std::sqrt(slope * slope * angle + f.c * f.c);
    double const inverse = r_new > 0 ? 1 / r_new : 0;
    out[0] = at.g;
    out[1] = at.p;
    out[2] = slope * inverse;
    out[3] = std::abs(f.c) * inverse;
    return r_new;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real> row,
                                                     Point<Real> col) const {
    SaturatedCorrelation<Real> const at(in, row[0], row[1], col[0], col[1]);
    Real const weight = row[2] * col[2];
    Real const c = weight * asin_with_defect(at.rho, at.defect) + row[3] * col[3];
    Real const slope = weight * (row[0] * col[0]) / Kokkos::sqrt(at.one_minus_square);
    return entry_of(c, in.t * slope, same_point(in, row, col));
  }
};

/// x·Φ(x), with s = q. By Stein's lemma and Price's theorem:
/// K'/(rr') = c/4 + c·asin ρ/2π + (gg'/(2π√(1-ρ²)))·(1-c² + c²(p+p')),
/// K̇ = 1/4 + asin ρ/2π + (ρ/(2π√(1-ρ²)))·(p + p' + pp'/(1-ρ²)).
template <class Real>
struct GeluDual {
  explicit GeluDual(network::Gelu const&) {}
  static constexpr int n_coefficients(network::Gelu const&) { return 3; }
  static double prepare(network::Gelu const&, double r, double* out) {
    Saturation const at(r * r);
    double const defect = at.p;  // 1-g²
    double const root = std::sqrt(defect * (2 - defect));
    double const g2 = at.g * at.g;
    double const ratio = std::sqrt(0.25 + asin_with_defect(g2, defect) / (2 * M_PI) +
                                   g2 / (2 * M_PI * root) * 2 * at.p);
    out[0] = at.g;
    out[1] = at.p;
    out[2] = 1 / ratio;
    return r * ratio;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real> row,
                                                     Point<Real> col) const {
    SaturatedCorrelation<Real> const at(in, row[0], row[1], col[0], col[1]);
    Real const base = Real(0.25) + asin_with_defect(at.rho, at.defect) * (Real(0.5) / pi<Real>);
    Real const factor = (Real(0.5) / pi<Real>) / Kokkos::sqrt(at.one_minus_square);
    Real const p = row[1], p_col = col[1];
    Real const weight = row[2] * col[2];
    Real const c2 = in.c * in.c;
    Real const value =
        in.c * base + row[0] * col[0] * factor * (in.e * (2 - in.e) + c2 * (p + p_col));
    Real const slope = base + at.rho * factor * (p + p_col + p * p_col / at.one_minus_square);
    return entry_of(weight * value, in.t * weight * slope, same_point(in, row, col));
  }
};

}  // namespace widelimit::kernels
