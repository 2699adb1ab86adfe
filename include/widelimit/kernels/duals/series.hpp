/// \file
/// Dual activations by Hermite series: with φ(r z) = Σ h_k(r)·He_k(z)/√k!, Mehler's formula gives
/// K' = Σ h_k h'_k c^k and K̇·rr' = Σ k h_k h'_k c^(k-1). The coefficients ĥ_k = h_k/r_new belong to
/// a point, so an entry costs two multiply-adds a term, whatever the function.
#pragma once

#include <array>
#include <cmath>

#include "widelimit/kernels/correlation.hpp"
#include "widelimit/kernels/hermite.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::kernels {

/// Scales `h` to unit norm in place and returns the norm.
inline double normalize(double* h, int n) {
  double norm2 = 0;
  for (int k = 0; k < n; ++k) norm2 += h[k] * h[k];
  double const norm = std::sqrt(norm2);
  for (int k = 0; k < n; ++k) h[k] = norm > 0 ? h[k] / norm : 0;
  return norm;
}

/// A normalised Hermite polynomial of a degree whose loop is unrolled as that of a monomial is.
struct LowHermite {
  int degree;
};

/// x^n and LowHermite, n <= 5: the series ends, and its loop is unrolled.
template <class Real>
struct MonomialDual {
  static constexpr int terms = 6;
  static constexpr int max_degree = terms - 1;

  explicit MonomialDual(network::Monomial const&) {}
  explicit MonomialDual(LowHermite const&) {}
  static constexpr int n_coefficients(network::Monomial const&) { return terms; }
  static constexpr int n_coefficients(LowHermite const&) { return terms; }
  static double prepare(network::Monomial const& f, double r, double* out) {
    std::vector<double> power(terms, 0.0);
    power[f.degree] = 1;
    auto const h = hermite_of_polynomial(power, 1);  // ĥ does not depend on r
    std::copy(h.begin(), h.end(), out);
    return std::pow(r, f.degree) * normalize(out, terms);
  }
  static double prepare(LowHermite const& f, double r, double* out) {
    std::fill_n(out, terms, 0.0);
    out[f.degree] = 1;
    return r > 0 ? 1 : 0;
  }

  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> operator()(Entry<Real> const& in, Point<Real> row,
                                                     Point<Real> col) const {
    // ĥ is the same for all points, and 1-|c'| = Σ ĥ_k²(1-|c|^k) = e·Σ_j |c|^j·Σ_{k>j} ĥ_k².
    Real const magnitude = Kokkos::fabs(in.c);
    Real c = row[terms - 1] * col[terms - 1];
    Real slope = 0, sum = 0, defect = 0;
    for (int k = terms - 2; k >= 0; --k) {
      sum += square(row[k + 1]);
      defect = defect * magnitude + sum;
      slope = slope * in.c + c;
      c = c * in.c + row[k] * col[k];
    }
    return {c > 1 ? Real(1) : (c < -1 ? Real(-1) : c), defect * in.e, in.t * slope};
  }
};

}  // namespace widelimit::kernels
