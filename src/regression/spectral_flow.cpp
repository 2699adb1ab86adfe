#include "widelimit/regression/spectral_flow.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "widelimit/linalg/products.hpp"

namespace widelimit::regression {
namespace {

using linalg::Op;

void scale_rows(DistributedMatrix<double>& a, std::vector<double> const& weights) {
  for (Index i = 0; i < a.local_rows(); ++i) {
    double const weight = weights[static_cast<std::size_t>(a.global_row(i))];
    for (Index j = 0; j < a.local_cols(); ++j) a.local(i, j) *= weight;
  }
}

DistributedMatrix<double> copy(DistributedMatrix<double> const& a) {
  DistributedMatrix<double> b(a.grid(), a.rows(), a.cols(), a.block());
  std::copy_n(a.data(), a.ld() * a.local_cols(), b.data());
  return b;
}

void add(DistributedMatrix<double>& a, double factor, DistributedMatrix<double> const& b) {
  for (Index k = 0; k < a.ld() * a.local_cols(); ++k) a.data()[k] += factor * b.data()[k];
}

}  // namespace

SpectralFlow::SpectralFlow(DistributedMatrix<double> kernel, double ridge, GradientFlow law)
    : ridge_(ridge), law_(law), system_(linalg::symmetric_eigen(std::move(kernel))) {}

bool SpectralFlow::is_null(double kappa) const {
  double const lost = static_cast<double>(size()) * std::numeric_limits<double>::epsilon();
  return !(kappa + ridge_ > lost * std::abs(largest_eigenvalue()));
}

Index SpectralFlow::null_directions() const {
  return std::ranges::count_if(system_.values, [this](double kappa) { return is_null(kappa); });
}

std::vector<double> SpectralFlow::coefficients(double time) const {
  std::vector<double> result;
  for (double const kappa : system_.values) {
    bool const nothing = time == GradientFlow::forever && is_null(kappa);
    result.push_back(nothing ? 0 : law_.coefficient(kappa + ridge_, time));
  }
  return result;
}

std::vector<double> SpectralFlow::remaining(double time) const {
  std::vector<double> result;
  for (double const kappa : system_.values) {
    bool const nothing = time == GradientFlow::forever && is_null(kappa);
    result.push_back(nothing ? 1 : law_.remaining(kappa + ridge_, time));
  }
  return result;
}

ReplicatedMatrix SpectralFlow::apply(std::vector<double> const& weights,
                                     ReplicatedMatrix const& x) const {
  auto const& v = system_.vectors;
  DistributedMatrix<double> in(v.grid(), x.rows, x.cols, v.block());
  DistributedMatrix<double> projected(v.grid(), x.rows, x.cols, v.block());
  in.scatter(x);
  linalg::gemm(Op::transposed, Op::plain, 1.0, v, in, 0.0, projected);
  scale_rows(projected, weights);
  linalg::gemm(Op::plain, Op::plain, 1.0, v, projected, 0.0, in);
  return in.gather();
}

ReplicatedMatrix SpectralFlow::displacement(ReplicatedMatrix const& residual, double time) const {
  auto weights = coefficients(time);
  for (std::size_t k = 0; k < weights.size(); ++k) weights[k] *= system_.values[k];
  return apply(weights, residual);
}

EnsembleFlow::EnsembleFlow(SpectralFlow const& flow, Trained trained,
                           std::optional<DistributedMatrix<double>> nngp_dd)
    : flow_(flow),
      trained_(trained),
      transposed_(flow.system().vectors.grid(), flow.size(), flow.size(),
                  flow.system().vectors.block()) {
  auto const& v = flow.system().vectors;
  for (Index j = 0; j < transposed_.local_cols(); ++j)
    for (Index i = 0; i < transposed_.local_rows(); ++i)
      transposed_.local(i, j) = transposed_.global_row(i) == transposed_.global_col(j) ? 1 : 0;
  auto const identity = copy(transposed_);
  linalg::gemm(Op::transposed, Op::plain, 1.0, v, identity, 0.0, transposed_);
  if (trained == Trained::readout) return;
  DistributedMatrix<double> product(v.grid(), flow.size(), flow.size(), v.block());
  linalg::symm(1.0, *nngp_dd, v, 0.0, product);
  nngp_.emplace(std::move(*nngp_dd));
  linalg::gemm(Op::transposed, Op::plain, 1.0, v, product, 0.0, *nngp_);
}

void EnsembleFlow::set_test(DistributedMatrix<double> const& kernel_dt,
                            std::optional<DistributedMatrix<double>> const& nngp_dt,
                            DistributedMatrix<double> nngp_tt) {
  auto const& v = flow_.system().vectors;
  auto const project = [&](DistributedMatrix<double> const& a) {
    DistributedMatrix<double> b(v.grid(), a.rows(), a.cols(), a.block());
    linalg::gemm(Op::transposed, Op::plain, 1.0, v, a, 0.0, b);
    return b;
  };
  kernel_test_.emplace(project(kernel_dt));
  if (nngp_dt) nngp_test_.emplace(project(*nngp_dt));
  prior_.emplace(std::move(nngp_tt));
}

DistributedMatrix<double> EnsembleFlow::test_covariance(double time) const {
  auto covariance = copy(*prior_);
  auto x = copy(*kernel_test_);
  if (trained_ == Trained::readout) {
    // (1 - e²)/κ̂ = c·(1 + e), not negative.
    auto weights = flow_.coefficients(time);
    auto const e = flow_.remaining(time);
    for (std::size_t k = 0; k < weights.size(); ++k)
      weights[k] = std::sqrt(std::max(0.0, weights[k] * (1 + e[k])));
    scale_rows(x, weights);
    linalg::syrk_transposed(-1.0, x, 1.0, covariance);
    return covariance;
  }
  scale_rows(x, flow_.coefficients(time));
  // With X = Aᵀ in the basis of V: XᵀGX - XᵀH - HᵀX = Xᵀ(GX/2 - H) + its transpose.
  DistributedMatrix<double> y(x.grid(), x.rows(), x.cols(), x.block());
  linalg::gemm(Op::plain, Op::plain, 0.5, *nngp_, x, 0.0, y);
  add(y, -1, *nngp_test_);
  linalg::syr2k_transposed(1.0, x, y, 1.0, covariance);
  return covariance;
}

DistributedMatrix<double> EnsembleFlow::congruence(std::vector<double> const& weights) const {
  auto x = copy(transposed_);
  scale_rows(x, weights);
  DistributedMatrix<double> y(x.grid(), x.rows(), x.cols(), x.block());
  DistributedMatrix<double> covariance(x.grid(), x.rows(), x.cols(), x.block());
  linalg::gemm(Op::plain, Op::plain, 0.5, *nngp_, x, 0.0, y);
  linalg::syr2k_transposed(1.0, x, y, 0.0, covariance);
  return covariance;
}

DistributedMatrix<double> EnsembleFlow::train_covariance(double time) const {
  auto weights = flow_.coefficients(time);
  auto const& kappa = flow_.system().values;
  if (trained_ == Trained::all) {
    for (std::size_t k = 0; k < weights.size(); ++k) weights[k] = 1 - kappa[k] * weights[k];
    return congruence(weights);
  }
  auto const e = flow_.remaining(time);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    double const own = std::max(kappa[k], 0.0);
    weights[k] = std::sqrt(std::max(0.0, own - own * own * weights[k] * (1 + e[k])));
  }
  auto x = copy(transposed_);
  scale_rows(x, weights);
  DistributedMatrix<double> covariance(x.grid(), x.rows(), x.cols(), x.block());
  linalg::syrk_transposed(1.0, x, 0.0, covariance);
  return covariance;
}

DistributedMatrix<double> EnsembleFlow::train_covariance_with_ridge(double time) const {
  auto weights = flow_.remaining(time);
  if (trained_ == Trained::all) return congruence(weights);
  for (std::size_t k = 0; k < weights.size(); ++k)
    weights[k] *= std::sqrt(std::max(0.0, flow_.system().values[k] + flow_.ridge()));
  auto x = copy(transposed_);
  scale_rows(x, weights);
  DistributedMatrix<double> covariance(x.grid(), x.rows(), x.cols(), x.block());
  linalg::syrk_transposed(1.0, x, 0.0, covariance);
  return covariance;
}

}  // namespace widelimit::regression
