#include "widelimit/kernels/hermite.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <cblas.h>

#include "widelimit/runtime/error.hpp"

extern "C" void dstev_(char const* job, int const* n, double* diagonal, double* off_diagonal,
                       double* vectors, int const* ld, double* work, int* info);

namespace widelimit::kernels {
namespace {

/// The orthonormal Hermite functions of weight exp(-x²) at x: ψ_{n-1}(x) and ψ_n(x) without their
/// Gaussian.
struct HermitePair {
  double before, at;
};

HermitePair hermite_pair(int n, double x) {
  double before = 0;
  double at = std::pow(std::numbers::pi, -0.25);
  for (int k = 0; k < n; ++k) {
    double const next = std::sqrt(2.0 / (k + 1)) * x * at - std::sqrt(k / (k + 1.0)) * before;
    before = at;
    at = next;
  }
  return {before, at};
}

}  // namespace

GaussHermiteRule gauss_hermite(int n) {
  std::vector<double> diagonal(n, 0.0), off_diagonal(std::max(n - 1, 1)), work(1);
  for (int k = 1; k < n; ++k) off_diagonal[k - 1] = std::sqrt(k / 2.0);
  int info = 0;
  int const one = 1;
  dstev_("N", &n, diagonal.data(), off_diagonal.data(), work.data(), &one, work.data(), &info);
  if (info != 0)
    throw Error(ExitCode::failed, "eigenvalues of the Gauss-Hermite matrix did not converge");
  GaussHermiteRule rule{diagonal, std::vector<double>(n)};
  for (int k = 0; k < n; ++k) {
    double& x = rule.nodes[k];
    for (int step = 0; step < 2; ++step) {
      auto const [before, at] = hermite_pair(n, x);
      x -= at / (std::sqrt(2.0 * n) * before);  // ψ_n' = √(2n)·ψ_{n-1}, Gaussian apart
    }
    double const before = hermite_pair(n, x).before;
    rule.weights[k] = 1 / (n * before * before);
  }
  return rule;
}

std::vector<double> hermite_of_polynomial(std::vector<double> const& coef, double r) {
  std::vector<double> h(coef.size(), 0.0);
  double power = 1;
  for (std::size_t j = 0; j < coef.size(); ++j, power *= r) {
    // z^j = Σ_k j!/(((j-k)/2)!·2^((j-k)/2)·k!)·He_k, k of the parity of j
    for (std::size_t k = j % 2; k <= j; k += 2) {
      double const half = static_cast<double>(j - k) / 2;
      double const log_factor = std::lgamma(j + 1.0) - std::lgamma(half + 1) -
                                half * std::numbers::ln2 - std::lgamma(k + 1.0) / 2;
      if (coef[j] != 0) h[k] += coef[j] * power * std::exp(log_factor);
    }
  }
  return h;
}

HermiteExpansion::HermiteExpansion(std::function<double(double)> phi) : phi_(std::move(phi)) {
  constexpr double reach = 15, step = 1.0 / 64;
  for (double z = -reach; z <= reach; z += step) nodes_.push_back(z);
  std::size_t const n = nodes_.size();
  basis_.resize(static_cast<std::size_t>(max_terms) * n);
  for (std::size_t m = 0; m < n; ++m) {
    double const z = nodes_[m];
    double before = 0;
    double at = step * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    for (int k = 0; k < max_terms; ++k) {
      basis_[k * n + m] = at;
      double const next =
          (z * at - std::sqrt(static_cast<double>(k)) * before) / std::sqrt(k + 1.0);
      before = at;
      at = next;
    }
  }
}

std::vector<double> HermiteExpansion::coefficients(std::vector<double> const& r, int terms) const {
  constexpr std::size_t block = 256;
  std::size_t const n = nodes_.size();
  std::vector<double> result(r.size() * terms);
  std::vector<double> values(block * n);
  for (std::size_t begin = 0; begin < r.size(); begin += block) {
    std::size_t const rows = std::min(block, r.size() - begin);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t m = 0; m < n; ++m) values[i * n + m] = phi_(r[begin + i] * nodes_[m]);
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(rows), terms,
                static_cast<int>(n), 1.0, values.data(), static_cast<int>(n), basis_.data(),
                static_cast<int>(n), 0.0, result.data() + begin * terms, terms);
  }
  return result;
}

int HermiteExpansion::terms_for(double r, double tolerance, double& reached) const {
  std::vector<double> const h = coefficients({r}, max_terms);
  double total = 0;
  for (int k = 0; k < max_terms; ++k) total += std::max(k, 1) * h[k] * h[k];
  reached = 0;
  if (total == 0) return 1;
  // Terms at the end that have to be negligible before the series counts as converged: more than
  // one, as every other one vanishes for even and odd functions.
  constexpr int last = 8;
  double tail = 0;
  for (int k = max_terms - 1; k > 0; --k) {
    double const next = tail + k * h[k] * h[k];
    if (next > tolerance * total) {
      reached = tail / total;
      if (k < max_terms - last) return k + 1;
      // The terms that were never computed weigh about as many times more as there are blocks of
      // `last` terms.
      double end = 0;
      for (int m = max_terms - last; m < max_terms; ++m) end += m * h[m] * h[m];
      reached = end / last * max_terms / total;
      return max_terms;
    }
    tail = next;
  }
  return 1;
}

}  // namespace widelimit::kernels
