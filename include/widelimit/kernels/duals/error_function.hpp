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

/// same_point for coefficients g and p: of nearly linear and of saturated units one of the two does
/// not tell different scales apart.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION bool same_saturation(Entry<Real> const& in, Point<Real> row,
                                                 Point<Real> col) {
  return same_point(in, row, col) && row[1] == col[1];
}

/// asin x - asin y for x, y >= 0 from x - y, without cancellation.
/// \param cos_x, cos_y  √(1-x²), √(1-y²)
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real asin_difference(Real x, Real y, Real difference, Real cos_x,
                                                 Real cos_y) {
  Real const below = x * cos_y + y * cos_x;
  Real const sine = below > 0 ? difference * (x + y) / below : Real(0);
  Real const inside = sine > 1 ? Real(1) : (sine < -1 ? Real(-1) : sine);
  return asin_with_defect(inside, 1 - Kokkos::fabs(inside));
}

/// What `refined_defect` needs of a pair whose output correlation c' has the sign s: the pair with
/// s·c in the place of c, and the differences between ρ and its values g², g'² on the diagonal.
///
/// The defect of any dual c' = w w' V, w = 1/√V(x,x), is
///   1 - s·c' = (w-w')²/2·sV + w²/2·(V(x,x) - sV) + w'²/2·(V(x',x') - sV),
/// which the duals evaluate by differences that they form without cancellation. For comparable w,
/// w' its error is then of the order ε√(1-|c'|), and the angle between the two points right to
/// rounding; for others 1-|c'| itself has to do.
template <class Real>
struct SaturatedDifference {
  Real c, one_minus;    ///< s·c and 1 - s·c
  Real rho, cosine;     ///< s·ρ and √(1-ρ²)
  Real apart;           ///< g - g'
  Real to_row, to_col;  ///< g² - sρ and g'² - sρ

  KOKKOS_FORCEINLINE_FUNCTION SaturatedDifference(Entry<Real> const& in, bool negative, Real g,
                                                  Real p, Real g_col, Real p_col) {
    SaturatedCorrelation<Real> const at(in, g, p, g_col, p_col);
    c = negative ? -in.c : in.c;
    one_minus = negative ? in.one_plus() : in.one_minus();
    rho = negative ? -at.rho : at.rho;
    cosine = Kokkos::sqrt(at.one_minus_square);
    // Of saturated units p has the digits, of others g.
    apart = p + p_col < 1 ? (p_col - p) / (g + g_col) : g - g_col;
    to_row = g * (apart + g_col * one_minus);
    to_col = g_col * (g * one_minus - apart);
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
  static constexpr int n_coefficients(network::Erf const&) { return 5; }
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
    out[4] = angle;
    return r_new;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real> row,
                                                     Point<Real> col) const {
    SaturatedCorrelation<Real> const at(in, row[0], row[1], col[0], col[1]);
    Real const weight = row[2] * col[2];
    Real const c = weight * asin_with_defect(at.rho, at.defect) + row[3] * col[3];
    Real const slope = weight * (row[0] * col[0]) / Kokkos::sqrt(at.one_minus_square);
    return entry_of(c, in.t * slope, same_saturation(in, row, col));
  }

  /// With V = asin ρ, and the constant apart: w²·asin g² + β² = 1.
  KOKKOS_FORCEINLINE_FUNCTION Real refined_defect(Entry<Real> const& in, Entry<Real> const& out,
                                                  Point<Real> row, Point<Real> col) const {
    bool const negative = out.c < 0;
    SaturatedDifference<Real> const at(in, negative, row[0], row[1], col[0], col[1]);
    Real const w = row[2], w_col = col[2];
    Real const offset = row[3], offset_col = negative ? -col[3] : col[3];
    Real const angle = asin_with_defect(at.rho, 1 - Kokkos::fabs(at.rho));
    Real const cos_row = Kokkos::sqrt(row[1] * (2 - row[1]));
    Real const cos_col = Kokkos::sqrt(col[1] * (2 - col[1]));
    // Differences of angles; at obtuse ones nothing cancels.
    bool const acute = at.rho >= 0;
    Real const obtuse_row = row[4] - angle, obtuse_col = col[4] - angle;
    Real const acute_row = asin_difference(square(row[0]), at.rho, at.to_row, cos_row, at.cosine);
    Real const acute_col = asin_difference(square(col[0]), at.rho, at.to_col, cos_col, at.cosine);
    Real const e = (square(offset - offset_col) + square(w - w_col) * angle +
                    square(w) * select(acute, acute_row, obtuse_row) +
                    square(w_col) * select(acute, acute_col, obtuse_col)) /
                   2;
    return select(comparable(w, w_col), e, out.e);
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
    return entry_of(weight * value, in.t * weight * slope, same_saturation(in, row, col));
  }

  /// V = K'/(rr').
  KOKKOS_FORCEINLINE_FUNCTION Real refined_defect(Entry<Real> const& in, Entry<Real> const& out,
                                                  Point<Real> row, Point<Real> col) const {
    bool const negative = out.c < 0;
    SaturatedDifference<Real> const at(in, negative, row[0], row[1], col[0], col[1]);
    Real const of_row = gap(at, negative, row[0], row[1], at.apart, at.to_row, col[0], col[1]);
    Real const of_col = gap(at, negative, col[0], col[1], -at.apart, at.to_col, row[0], row[1]);
    Real const value = Kokkos::fabs(out.c) / (row[2] * col[2]);
    Real const e =
        (square(row[2] - col[2]) * value + square(row[2]) * of_row + square(col[2]) * of_col) / 2;
    return select(comparable(row[2], col[2]), e, out.e);
  }

 private:
  /// V(x,x) - sV. \param apart, to_rho  g - g' and g² - sρ of the point x
  KOKKOS_FORCEINLINE_FUNCTION static Real gap(SaturatedDifference<Real> const& at, bool negative,
                                              Real g, Real p, Real apart, Real to_rho, Real g_col,
                                              Real p_col) {
    Real const cosine = Kokkos::sqrt(p * (2 - p));
    Real const x = square(g);
    // V = c/4 + (c·asin ρ + T)/2π, T = N/√(1-ρ²), N = gg'·(1-c² + c²(p+p'))
    Real const angle = asin_with_defect(at.rho, 1 - Kokkos::fabs(at.rho));
    Real const turn = asin_difference(x, at.rho, to_rho, cosine, at.cosine);
    Real const sine2 = at.one_minus * (2 - at.one_minus);
    Real const p_sum = p + p_col;
    Real const n_diagonal = 2 * x * p;
    Real const n_change = g * (apart * (g * (g + g_col) - p_sum) + g_col * sine2 * (1 - p_sum));
    Real const n = n_diagonal + n_change;
    Real const falls = n_diagonal * to_rho * (x + at.rho) / (cosine + at.cosine);
    Real const apart_term =
        turn + at.one_minus * angle + (falls - cosine * n_change) / (cosine * at.cosine);
    // For s = -1 the even terms, c·asin ρ and T, keep their sign, and all add up.
    Real const joint = asin_with_defect(x, p) + at.c * angle + n_diagonal / cosine + n / at.cosine;
    return at.one_minus / 4 + select(negative, joint, apart_term) * (Real(0.5) / pi<Real>);
  }
};

}  // namespace widelimit::kernels
