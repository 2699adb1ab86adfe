#include "widelimit/linalg/norms.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "widelimit/linalg/detail/require.hpp"

namespace widelimit::linalg {

template <class Real>
double max_abs(DistributedMatrix<Real> const& a, Part part) {
  double largest = 0;
  bool undefined = false;
  a.for_each_block(part, [&](Range rows, Range cols, Real const* entries, Index ld) {
    for (Index j = 0; j < cols.size(); ++j)
      for (Index i = 0; i < rows.size(); ++i) {
        double const entry = std::abs(static_cast<double>(entries[i + j * ld]));
        undefined = undefined || std::isnan(entry);
        largest = std::max(largest, entry);
      }
  });
  if (a.grid().comm().first_rank_where(undefined) >= 0)
    return std::numeric_limits<double>::quiet_NaN();
  return a.grid().comm().max(largest);
}

template <class Real>
double inf_norm(DistributedMatrix<Real> const& a) {
  std::vector<double> sums(static_cast<std::size_t>(a.rows()));
  for (Index j = 0; j < a.local_cols(); ++j)
    for (Index i = 0; i < a.local_rows(); ++i)
      sums[static_cast<std::size_t>(a.global_row(i))] += std::abs(a.local(i, j));
  a.grid().comm().sum(sums.data(), a.rows());
  return sums.empty() ? 0 : *std::max_element(sums.begin(), sums.end());
}

template <class Real>
std::vector<double> column_dots(DistributedMatrix<Real> const& a,
                                DistributedMatrix<Real> const& b) {
  detail::require(a.row_axis() == b.row_axis() && a.col_axis() == b.col_axis(),
                  "column products of matrices of different shape or block size");
  std::vector<double> sums(static_cast<std::size_t>(a.cols()));
  for (Index j = 0; j < a.local_cols(); ++j) {
    double sum = 0;
    for (Index i = 0; i < a.local_rows(); ++i)
      sum += static_cast<double>(a.local(i, j)) * static_cast<double>(b.local(i, j));
    sums[static_cast<std::size_t>(a.global_col(j))] = sum;
  }
  a.grid().comm().sum(sums.data(), a.cols());
  return sums;
}

#define WIDELIMIT_INSTANTIATE(Real)                                        \
  template double max_abs(DistributedMatrix<Real> const&, Part);           \
  template double inf_norm(DistributedMatrix<Real> const&);                \
  template std::vector<double> column_dots(DistributedMatrix<Real> const&, \
                                           DistributedMatrix<Real> const&);
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)

}  // namespace widelimit::linalg
