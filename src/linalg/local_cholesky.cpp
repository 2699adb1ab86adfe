#include "widelimit/linalg/local_cholesky.hpp"

#include <algorithm>

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/detail/scalapack.hpp"

#include "local_blas.hpp"

namespace widelimit::linalg {

LocalCholesky::LocalCholesky(std::vector<double> const& a, Index n, double shift, double step)
    : n_(n) {
  detail::require(step > 0, "a step of a shift that is not positive");
  for (double extra = 0;; extra = std::max(10 * extra, step)) {
    shift_ = shift + extra;
    factor_ = a;
    for (Index i = 0; i < n; ++i) factor_[static_cast<std::size_t>(i * (n + 1))] += shift_;
    int const size = static_cast<int>(n);
    int info = 0;
    if (n > 0) detail::Scalapack<double>::potrf("L", &size, factor_.data(), &size, &info, 1);
    detail::require(info >= 0, "potrf refused an argument");
    bool finite = true;
    for (Index i = 0; i < n; ++i)
      finite = finite && factor_[static_cast<std::size_t>(i * (n + 1))] > 0;
    if (info == 0 && finite) return;
    detail::require(extra < 1e30 * step, "a matrix that no shift makes positive definite");
  }
}

void LocalCholesky::solve(double* b, Index columns) const {
  detail::trsm_lower(false, n_, columns, factor_.data(), n_, b, n_);
  detail::trsm_lower(true, n_, columns, factor_.data(), n_, b, n_);
}

void LocalCholesky::divide_right(double* b, Index rows) const {
  // Read column by column, the rows of B are the columns of Bᵀ. By blocks, so that almost all of it
  // are products of matrices, for which BLAS is twice as fast as for triangles.
  constexpr Index height = 64;
  for (Index begin = 0; begin < n_; begin += height) {
    Index const count = std::min(height, n_ - begin);
    if (begin > 0)
      detail::gemm(false, false, count, rows, begin, -1.0, factor_.data() + begin, n_, b, n_, 1.0,
                   b + begin, n_);
    detail::trsm_lower(false, count, rows, factor_.data() + begin * (n_ + 1), n_, b + begin, n_);
  }
}

}  // namespace widelimit::linalg
