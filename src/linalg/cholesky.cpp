#include "widelimit/linalg/cholesky.hpp"

#include <cmath>
#include <limits>

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/detail/scalapack.hpp"

#include "local_blas.hpp"

namespace widelimit::linalg {
namespace {

constexpr int one = 1;

template <class Real>
void check_solve(DistributedMatrix<Real> const& factor, DistributedMatrix<Real> const& b) {
  detail::require(
      factor.rows() == factor.cols() && factor.cols() == b.rows() && factor.block() == b.block(),
      "a factor and a right-hand side of different shape or block size");
  detail::require_one_grid(factor, b);
}

/// First row whose diagonal entry is not a number: OpenBLAS takes such a pivot for a good one.
template <class Real>
Index first_undefined_pivot(DistributedMatrix<Real> const& a) {
  Index first = a.rows();
  a.for_each_block(Part::all, [&](Range rows, Range cols, Real const* entries, Index ld) {
    if (rows.begin != cols.begin) return;
    for (Index i = 0; i < rows.size(); ++i)
      if (!std::isfinite(entries[i + i * ld])) first = std::min(first, rows.begin + i);
  });
  return a.grid().comm().min(first);
}

}  // namespace

template <class Real>
CholeskyResult potrf(DistributedMatrix<Real>& a) {
  detail::require(a.rows() == a.cols(), "a Cholesky factor of a matrix that is not square");
  if (a.rows() == 0) return {};
  int const n = static_cast<int>(a.rows());
  int info = 0;
  if (a.grid().size() == 1) {
    int const ld = static_cast<int>(a.ld());
    detail::Scalapack<Real>::potrf("L", &n, a.data(), &ld, &info, 1);
  } else {
    auto const desc = a.descriptor();
    detail::Scalapack<Real>::ppotrf("L", &n, a.data(), &one, &one, desc.data(), &info, 1);
  }
  detail::require(a.grid().comm().min(Index{info}) >= 0, "potrf refused an argument");
  if (Index const failed = a.grid().comm().max(Index{info}); failed > 0) return {failed - 1};
  if (Index const undefined = first_undefined_pivot(a); undefined < a.rows()) return {undefined};
  return {};
}

template <class Real>
void potrs(DistributedMatrix<Real> const& factor, DistributedMatrix<Real>& b) {
  trsm(Op::plain, factor, b);
  trsm(Op::transposed, factor, b);
}

template <class Real>
void trsm(Op op, DistributedMatrix<Real> const& factor, DistributedMatrix<Real>& b) {
  check_solve(factor, b);
  if (b.rows() == 0 || b.cols() == 0) return;
  if (factor.grid().size() == 1) {
    detail::trsm_lower(op == Op::transposed, b.rows(), b.cols(), factor.data(), factor.ld(),
                       b.data(), b.ld());
    return;
  }
  int const n = static_cast<int>(b.rows());
  int const columns = static_cast<int>(b.cols());
  Real const unit = 1;
  auto const desc_l = factor.descriptor();
  auto const desc_b = b.descriptor();
  detail::Scalapack<Real>::ptrsm("L", "L", op == Op::transposed ? "T" : "N", "N", &n, &columns,
                                 &unit, factor.data(), &one, &one, desc_l.data(), b.data(), &one,
                                 &one, desc_b.data());
}

#define WIDELIMIT_INSTANTIATE(Real)                                              \
  template CholeskyResult potrf(DistributedMatrix<Real>&);                       \
  template void potrs(DistributedMatrix<Real> const&, DistributedMatrix<Real>&); \
  template void trsm(Op, DistributedMatrix<Real> const&, DistributedMatrix<Real>&);
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)

}  // namespace widelimit::linalg
