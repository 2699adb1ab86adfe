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

Index count_of(ValidEntries const& valid, Index row, Index d) {
  return valid.empty() ? d : valid[static_cast<std::size_t>(row)];
}

struct Column {
  double count = 0, mean = 0, variance = 0;
};

/// Moments of the columns of x, n x d, over the entries that count (two passes).
template <class Real>
std::vector<Column> column_moments(std::vector<Real> const& x, Index n, Index d,
                                   ValidEntries const& valid) {
  std::vector<Column> columns(static_cast<std::size_t>(d));
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < count_of(valid, i, d); ++k) {
      columns[k].count += 1;
      columns[k].mean += static_cast<double>(x[i * d + k]);
    }
  }
  for (Column& column : columns) column.mean /= std::max(column.count, 1.0);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < count_of(valid, i, d); ++k) {
      double const difference = static_cast<double>(x[i * d + k]) - columns[k].mean;
      columns[k].variance += difference * difference;
    }
  }
  for (Column& column : columns) column.variance /= std::max(column.count, 1.0);
  return columns;
}

/// All columns as one.
Column merged(std::vector<Column> const& columns) {
  Column all;
  for (Column const& column : columns) all.count += column.count;
  for (Column const& column : columns) all.mean += column.mean * (column.count / all.count);
  for (Column const& column : columns) {
    double const difference = column.mean - all.mean;
    all.variance += (column.variance + difference * difference) * (column.count / all.count);
  }
  return all;
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
                         double epsilon, ValidEntries const& valid)
    : kind_(kind), d_(d) {
  if (kind == InputScaling::none || kind == InputScaling::unit_norm) return;
  if (kind == InputScaling::zca && !valid.empty())
    throw InputError(
        "data.inputs: zca needs sequences of equal length, as it mixes all their positions; use "
        "standardize or per_feature, or leave out data.train.lengths");
  auto columns = column_moments(train, n, d, valid);
  if (kind == InputScaling::standardize) columns = {merged(columns)};
  if (std::all_of(columns.begin(), columns.end(), [](Column const& c) { return c.variance == 0; }))
    throw InputError(
        "data.inputs: the training inputs are all equal, so they cannot be scaled by their "
        "deviation; "
        "use inputs: none");
  for (Column const& column : columns) {
    mean_.push_back(column.mean);
    factor_.push_back(column.variance > 0 ? 1 / std::sqrt(column.variance) : 0);
  }
  if (kind == InputScaling::zca) whiten(train, n, epsilon);
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
void InputScaler::apply(std::vector<Real>& inputs, Index n, ValidEntries const& valid) const {
  for (Index i = 0; i < n; ++i) {
    Real* const x = inputs.data() + i * d_;
    Index const count = count_of(valid, i, d_);
    std::fill(x + count, x + d_, Real{0});
    apply_to(x, count);
  }
}

template <class Real>
void InputScaler::apply_to(Real* x, Index count) const {
  switch (kind_) {
    case InputScaling::none:
      return;
    case InputScaling::unit_norm: {
      double largest = 0, sum = 0;
      for (Index k = 0; k < count; ++k)
        largest = std::max(largest, std::abs(static_cast<double>(x[k])));
      if (largest == 0) return;
      for (Index k = 0; k < count; ++k)
        sum += static_cast<double>(x[k]) / largest * (static_cast<double>(x[k]) / largest);
      for (Index k = 0; k < count; ++k)
        x[k] = static_cast<Real>(static_cast<double>(x[k]) / largest / std::sqrt(sum));
      return;
    }
    case InputScaling::standardize:
      for (Index k = 0; k < count; ++k)
        x[k] = static_cast<Real>((static_cast<double>(x[k]) - mean_[0]) * factor_[0]);
      return;
    case InputScaling::per_feature:
      for (Index k = 0; k < count; ++k)
        x[k] = static_cast<Real>((static_cast<double>(x[k]) - mean_[k]) * factor_[k]);
      return;
    case InputScaling::zca: {
      std::vector<double> row(static_cast<std::size_t>(d_)), white(row.size());
      for (Index k = 0; k < d_; ++k) row[k] = static_cast<double>(x[k]) - mean_[k];
      cblas_dgemv(CblasRowMajor, CblasNoTrans, static_cast<int>(d_), static_cast<int>(d_), 1.0,
                  whitening_.data(), static_cast<int>(d_), row.data(), 1, 0.0, white.data(), 1);
      std::transform(white.begin(), white.end(), x, [](double v) { return static_cast<Real>(v); });
      return;
    }
  }
}

template InputScaler::InputScaler(InputScaling, std::vector<float> const&, Index, Index, double,
                                  ValidEntries const&);
template InputScaler::InputScaler(InputScaling, std::vector<double> const&, Index, Index, double,
                                  ValidEntries const&);
template void InputScaler::apply(std::vector<float>&, Index, ValidEntries const&) const;
template void InputScaler::apply(std::vector<double>&, Index, ValidEntries const&) const;

}  // namespace widelimit::gram
