/// \file
/// Hermite expansions and Gauss–Hermite rules, on the host in double precision.
#pragma once

#include <functional>
#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::kernels {

/// ∫ f(x) exp(-x²) dx ≈ Σ weights[k]·f(nodes[k]).
struct GaussHermiteRule {
  std::vector<double> nodes, weights;
};

/// The rule of n points (Golub–Welsch, then a Newton step). Nodes ascend. O(n²).
GaussHermiteRule gauss_hermite(int n);

/// Coefficients h_k, k = 0 … coef.size()-1, of z ↦ Σ_j coef[j]·(r z)^j in the normalised Hermite
/// polynomials He_k/√k!, the orthonormal basis of the standard normal distribution.
std::vector<double> hermite_of_polynomial(std::vector<double> const& coef, double r);

/// Expands z ↦ φ(r z) in normalised Hermite polynomials by the trapezoidal rule, whose error falls
/// exponentially for the analytic functions it is meant for.
class HermiteExpansion {
 public:
  static constexpr int max_terms = 1024;

  explicit HermiteExpansion(std::function<double(double)> phi);

  /// Coefficients h_0 … h_{terms-1} at each scale r: row-major, r.size() x terms. 2·nodes·terms
  /// flops a scale (GEMM).
  std::vector<double> coefficients(std::vector<double> const& r, int terms) const;

  /// The least number of terms with Σ_{k>=terms} k·h_k² <= tolerance·Σ k·h_k² at scale r, or
  /// max_terms; `reached` is that ratio. The dropped part bounds the relative error of K̇ (and of
  /// K') for every c.
  int terms_for(double r, double tolerance, double& reached) const;

 private:
  std::function<double(double)> phi_;
  std::vector<double> nodes_;
  std::vector<double> basis_;  // He_k(z)/√k!·N(z)·step, max_terms x nodes
};

}  // namespace widelimit::kernels
