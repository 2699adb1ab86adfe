#include "widelimit/gram/input_scaling.hpp"

#include <algorithm>
#include <cmath>

#include <cblas.h>

#include "widelimit/runtime/error.hpp"

extern "C" void dsyevd_(char const* job, char const* triangle, int const* n, double* a,
                        int const* lda, double* w, double* work, int const* lwork, int* iwork,
                        int const* liwork, int* info);

namespace widelimit::gram {
namespace {

/// Means and variances of the columns of x, n x d (two passes).
template <class Real>
void column_moments(std::vector<Real> const& x, Index n, Index d, std::vector<double>& mean,
                    std::vector<double>& variance) {
  mean.assign(static_cast<std::size_t>(d), 0.0);
  variance.assign(static_cast<std::size_t>(d), 0.0);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < d; ++k) mean[k] += static_cast<double>(x[i * d + k]);
  }
  for (double& m : mean) m /= static_cast<double>(n);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < d; ++k) {
      double const difference = static_cast<double>(x[i * d + k]) - mean[k];
      variance[k] += difference * difference;
    }
  }
  for (double& v : variance) v /= static_cast<double>(n);
}

/// Eigenvalues (ascending) and eigenvectors (the rows of the result, in C order) of a symmetric
/// matrix, in place.
std::vector<double> eigen_decomposition(std::vector<double>& a, int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  int info = 0;
  int lwork = -1, liwork = -1, iwork_size = 0;
  double work_size = 0;
  dsyevd_("V", "L", &n, a.data(), &n, values.data(), &work_size, &lwork, &iwork_size, &liwork,
          &info);
  lwork = static_cast<int>(work_size);
  liwork = iwork_size;
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<int> iwork(static_cast<std::size_t>(liwork));
  dsyevd_("V", "L", &n, a.data(), &n, values.data(), work.data(), &lwork, iwork.data(), &liwork,
          &info);
  if (info != 0)
    throw Error(ExitCode::failed,
                "the eigenvalues of the covariance of the inputs did not converge");
  return values;
}

}  // namespace

template <class Real>
InputScaler::InputScaler(InputScaling kind, std::vector<Real> const& train, Index n, Index d,
                         double epsilon)
    : kind_(kind), d_(d) {
  if (kind == InputScaling::none || kind == InputScaling::unit_norm) return;
  std::vector<double> variance;
  column_moments(train, n, d, mean_, variance);
  if (kind == InputScaling::standardize) {
    double mean = 0;
    for (double const m : mean_) mean += m / static_cast<double>(d);
    double total = 0;
    for (Index k = 0; k < d; ++k)
      total += (variance[k] + (mean_[k] - mean) * (mean_[k] - mean)) / static_cast<double>(d);
    mean_ = {mean};
    variance = {total};
  }
  if (std::all_of(variance.begin(), variance.end(), [](double v) { return v == 0; })) {
    throw InputError(
        "data.inputs: the training inputs are all equal, so they cannot be scaled by their "
        "deviation; "
        "use inputs: none");
  }
  if (kind == InputScaling::zca) {
    whiten(train, n, epsilon);
    return;
  }
  factor_.resize(variance.size());
  std::transform(variance.begin(), variance.end(), factor_.begin(),
                 [](double v) { return v > 0 ? 1 / std::sqrt(v) : 0; });
}

template <class Real>
void InputScaler::whiten(std::vector<Real> const& train, Index n, double epsilon) {
  auto const d = static_cast<int>(d_);
  std::vector<double> covariance(static_cast<std::size_t>(d_ * d_), 0.0);
  constexpr Index block = 1024;
  std::vector<double> centred(static_cast<std::size_t>(block * d_));
  for (Index begin = 0; begin < n; begin += block) {
    Index const rows = std::min(block, n - begin);
    for (Index i = 0; i < rows; ++i) {
      for (Index k = 0; k < d_; ++k) {
        centred[i * d_ + k] = static_cast<double>(train[(begin + i) * d_ + k]) - mean_[k];
      }
    }
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, d, static_cast<int>(rows),
                1.0 / static_cast<double>(n), centred.data(), d, 1.0, covariance.data(), d);
  }
  // The upper triangle in row-major order is the lower one to LAPACK.
  std::vector<double> const values = eigen_decomposition(covariance, d);
  double mean_value = 0;
  for (double const v : values) mean_value += v / static_cast<double>(d_);
  // Without ε, a direction in which the data do not spread has an eigenvalue of this size.
  double const rounding = static_cast<double>(d_) * 1e-15 * values.back();
  // V diag((λ + ε)^-½) Vᵀ = BᵀB with the rows of B the eigenvectors times (λ + ε)^-¼.
  for (Index k = 0; k < d_; ++k) {
    double const shifted = std::max(values[k], 0.0) + epsilon * mean_value;
    double const weight = shifted > rounding ? std::pow(shifted, -0.25) : 0;
    for (Index j = 0; j < d_; ++j) covariance[k * d_ + j] *= weight;
  }
  whitening_.resize(covariance.size());
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, d, d, d, 1.0, covariance.data(), d,
              covariance.data(), d, 0.0, whitening_.data(), d);
}

template <class Real>
void InputScaler::apply(std::vector<Real>& inputs, Index n) const {
  std::vector<double> row(static_cast<std::size_t>(d_)), white(row.size());
  for (Index i = 0; i < n; ++i) {
    Real* const x = inputs.data() + i * d_;
    switch (kind_) {
      case InputScaling::none:
        return;
      case InputScaling::unit_norm: {
        double largest = 0, sum = 0;
        for (Index k = 0; k < d_; ++k)
          largest = std::max(largest, std::abs(static_cast<double>(x[k])));
        if (largest == 0) break;
        for (Index k = 0; k < d_; ++k)
          sum += static_cast<double>(x[k]) / largest * (static_cast<double>(x[k]) / largest);
        for (Index k = 0; k < d_; ++k)
          x[k] = static_cast<Real>(static_cast<double>(x[k]) / largest / std::sqrt(sum));
        break;
      }
      case InputScaling::standardize:
        for (Index k = 0; k < d_; ++k)
          x[k] = static_cast<Real>((static_cast<double>(x[k]) - mean_[0]) * factor_[0]);
        break;
      case InputScaling::per_feature:
        for (Index k = 0; k < d_; ++k)
          x[k] = static_cast<Real>((static_cast<double>(x[k]) - mean_[k]) * factor_[k]);
        break;
      case InputScaling::zca:
        for (Index k = 0; k < d_; ++k) row[k] = static_cast<double>(x[k]) - mean_[k];
        cblas_dgemv(CblasRowMajor, CblasNoTrans, static_cast<int>(d_), static_cast<int>(d_), 1.0,
                    whitening_.data(), static_cast<int>(d_), row.data(), 1, 0.0, white.data(), 1);
        std::transform(white.begin(), white.end(), x,
                       [](double v) { return static_cast<Real>(v); });
        break;
    }
  }
}

template InputScaler::InputScaler(InputScaling, std::vector<float> const&, Index, Index, double);
template InputScaler::InputScaler(InputScaling, std::vector<double> const&, Index, Index, double);
template void InputScaler::apply(std::vector<float>&, Index) const;
template void InputScaler::apply(std::vector<double>&, Index) const;

}  // namespace widelimit::gram
