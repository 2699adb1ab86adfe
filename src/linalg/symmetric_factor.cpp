#include "widelimit/linalg/symmetric_factor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "widelimit/linalg/products.hpp"
#include "widelimit/linalg/triangle.hpp"

namespace widelimit::linalg {

template <class Real>
SymmetricFactor<Real>::SymmetricFactor(DistributedMatrix<Real> lower)
    : storage_(std::move(lower)), diagonal_(linalg::diagonal(storage_)) {
  mirror_lower_to_upper(storage_);
}

template <class Real>
double SymmetricFactor<Real>::trace() const {
  return std::accumulate(diagonal_.begin(), diagonal_.end(), 0.0);
}

template <class Real>
double SymmetricFactor<Real>::largest_diagonal() const {
  return diagonal_.empty() ? 0 : *std::max_element(diagonal_.begin(), diagonal_.end());
}

template <class Real>
CholeskyResult SymmetricFactor<Real>::factorize(double shift) {
  if (!lower_is_intact_) mirror_upper_to_lower(storage_);
  set_diagonal(storage_, diagonal_, shift);
  lower_is_intact_ = false;
  shift_ = shift;
  CholeskyResult const result = potrf(storage_);
  if (!result.ok()) return result;
  // What a row adds to those before it is lost in the rounding of its own entry: such a factor
  // exists by the luck of the rounding alone, and its solutions are noise.
  double const lost = 8 * static_cast<double>(std::numeric_limits<Real>::epsilon());
  auto const pivots = linalg::diagonal(storage_);
  for (std::size_t i = 0; i < pivots.size(); ++i)
    if (!(pivots[i] * pivots[i] > lost * (diagonal_[i] + shift))) return {static_cast<Index>(i)};
  return result;
}

template <class Real>
ReplicatedMatrix SymmetricFactor<Real>::multiply(ReplicatedMatrix const& x) const {
  return multiply_symmetric(storage_, diagonal_, x);
}

template <class Real>
ReplicatedMatrix SymmetricFactor<Real>::solve(ReplicatedMatrix const& b) const {
  DistributedMatrix<Real> solution(storage_.grid(), b.rows, b.cols, storage_.block());
  solution.scatter(b);
  potrs(storage_, solution);
  return solution.gather();
}

template <class Real>
ReplicatedMatrix SymmetricFactor<Real>::solve_leading(ReplicatedMatrix const& b,
                                                      std::vector<Index> const& sizes) const {
  if (sizes.empty()) return {b.rows, 0};
  DistributedMatrix<Real> forward(storage_.grid(), b.rows, b.cols, storage_.block());
  forward.scatter(b);
  trsm(Op::plain, storage_, forward);
  auto const halfway = forward.gather();
  ReplicatedMatrix cut(b.rows, static_cast<Index>(sizes.size()) * b.cols);
  for (std::size_t k = 0; k < sizes.size(); ++k)
    for (Index i = 0; i < sizes[k]; ++i)
      std::copy_n(halfway.row(i), b.cols, cut.row(i) + static_cast<Index>(k) * b.cols);
  DistributedMatrix<Real> back(storage_.grid(), cut.rows, cut.cols, storage_.block());
  back.scatter(cut);
  trsm(Op::transposed, storage_, back);
  return back.gather();
}

template <class Real>
bool SymmetricFactor<Real>::finite() const {
  bool finite = std::isfinite(trace());
  storage_.for_each_block(Part::upper, [&](Range rows, Range cols, Real const* entries, Index ld) {
    for (Index j = 0; j < cols.size(); ++j)
      // Rows above the diagonal alone: below it lies the factor.
      for (Index i = 0; i < std::min(rows.size(), cols.begin + j - rows.begin); ++i)
        finite = finite && std::isfinite(entries[i + j * ld]);
  });
  return comm().first_rank_where(!finite) < 0;
}

template class SymmetricFactor<float>;
template class SymmetricFactor<double>;

}  // namespace widelimit::linalg
