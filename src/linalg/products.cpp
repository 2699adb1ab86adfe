#include "widelimit/linalg/products.hpp"

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/detail/scalapack.hpp"

#include "local_blas.hpp"

namespace widelimit::linalg {
namespace {

constexpr int one = 1;

/// A rows x cols block in double: the block itself, or a converted copy in `buffer`.
double const* as_double(double const* entries, Index&, Index, Index, std::vector<double>&) {
  return entries;
}

double const* as_double(float const* entries, Index& ld, Index rows, Index cols,
                        std::vector<double>& buffer) {
  buffer.resize(static_cast<std::size_t>(rows * cols));
  for (Index j = 0; j < cols; ++j)
    for (Index i = 0; i < rows; ++i)
      buffer[static_cast<std::size_t>(i + j * rows)] = entries[i + j * ld];
  ld = rows;
  return buffer.data();
}

/// A block on the diagonal, made full from its part above the diagonal and `diagonal`.
template <class Real>
double const* symmetric_block(Real const* entries, Index& ld, Index n, double const* diagonal,
                              std::vector<double>& buffer) {
  buffer.resize(static_cast<std::size_t>(n * n));
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < j; ++i)
      buffer[static_cast<std::size_t>(i + j * n)] = buffer[static_cast<std::size_t>(j + i * n)] =
          entries[i + j * ld];
    buffer[static_cast<std::size_t>(j * (n + 1))] = diagonal[j];
  }
  ld = n;
  return buffer.data();
}

}  // namespace

template <class Real>
void gemm(Op op_a, Op op_b, Real alpha, DistributedMatrix<Real> const& a,
          DistributedMatrix<Real> const& b, Real beta, DistributedMatrix<Real>& c) {
  Index const inner = op_a == Op::plain ? a.cols() : a.rows();
  detail::require((op_a == Op::plain ? a.rows() : a.cols()) == c.rows() &&
                      (op_b == Op::plain ? b.rows() : b.cols()) == inner &&
                      (op_b == Op::plain ? b.cols() : b.rows()) == c.cols(),
                  "a product of matrices whose shapes do not fit");
  detail::require_one_grid(a, b, c);
  if (c.rows() == 0 || c.cols() == 0) return;
  if (a.grid().size() == 1) {
    detail::gemm(op_a == Op::transposed, op_b == Op::transposed, c.rows(), c.cols(), inner, alpha,
                 a.data(), a.ld(), b.data(), b.ld(), beta, c.data(), c.ld());
    return;
  }
  int const m = static_cast<int>(c.rows());
  int const n = static_cast<int>(c.cols());
  int const k = static_cast<int>(inner);
  auto const desc_a = a.descriptor();
  auto const desc_b = b.descriptor();
  auto const desc_c = c.descriptor();
  auto const letter = [](Op op) { return op == Op::transposed ? "T" : "N"; };
  detail::Scalapack<Real>::pgemm(letter(op_a), letter(op_b), &m, &n, &k, &alpha, a.data(), &one,
                                 &one, desc_a.data(), b.data(), &one, &one, desc_b.data(), &beta,
                                 c.data(), &one, &one, desc_c.data());
}

template <class Real>
void symm(Real alpha, DistributedMatrix<Real> const& a, DistributedMatrix<Real> const& b, Real beta,
          DistributedMatrix<Real>& c) {
  detail::require(
      a.rows() == a.cols() && a.cols() == b.rows() && b.rows() == c.rows() && b.cols() == c.cols(),
      "a product of matrices whose shapes do not fit");
  detail::require_one_grid(a, b, c);
  if (c.rows() == 0 || c.cols() == 0) return;
  if (a.grid().size() == 1) {
    detail::symm_lower(c.rows(), c.cols(), alpha, a.data(), a.ld(), b.data(), b.ld(), beta,
                       c.data(), c.ld());
    return;
  }
  int const m = static_cast<int>(c.rows());
  int const n = static_cast<int>(c.cols());
  auto const desc_a = a.descriptor();
  auto const desc_b = b.descriptor();
  auto const desc_c = c.descriptor();
  detail::Scalapack<Real>::psymm("L", "L", &m, &n, &alpha, a.data(), &one, &one, desc_a.data(),
                                 b.data(), &one, &one, desc_b.data(), &beta, c.data(), &one, &one,
                                 desc_c.data());
}

template <class Real>
void syrk_transposed(Real alpha, DistributedMatrix<Real> const& a, Real beta,
                     DistributedMatrix<Real>& c) {
  detail::require(c.rows() == c.cols() && a.cols() == c.rows(),
                  "a product of matrices whose shapes do not fit");
  detail::require_one_grid(a, c);
  if (c.rows() == 0) return;
  if (a.grid().size() == 1) {
    detail::syrk_lower_transposed(c.rows(), a.rows(), alpha, a.data(), a.ld(), beta, c.data(),
                                  c.ld());
    return;
  }
  int const n = static_cast<int>(c.rows());
  int const k = static_cast<int>(a.rows());
  auto const desc_a = a.descriptor();
  auto const desc_c = c.descriptor();
  detail::Scalapack<Real>::psyrk("L", "T", &n, &k, &alpha, a.data(), &one, &one, desc_a.data(),
                                 &beta, c.data(), &one, &one, desc_c.data());
}

template <class Real>
void syr2k_transposed(Real alpha, DistributedMatrix<Real> const& a,
                      DistributedMatrix<Real> const& b, Real beta, DistributedMatrix<Real>& c) {
  detail::require(
      c.rows() == c.cols() && a.cols() == c.rows() && a.rows() == b.rows() && a.cols() == b.cols(),
      "a product of matrices whose shapes do not fit");
  detail::require_one_grid(a, b, c);
  if (c.rows() == 0) return;
  if (a.grid().size() == 1) {
    detail::syr2k_lower_transposed(c.rows(), a.rows(), alpha, a.data(), a.ld(), b.data(), b.ld(),
                                   beta, c.data(), c.ld());
    return;
  }
  int const n = static_cast<int>(c.rows());
  int const k = static_cast<int>(a.rows());
  auto const desc_a = a.descriptor();
  auto const desc_b = b.descriptor();
  auto const desc_c = c.descriptor();
  detail::Scalapack<Real>::psyr2k("L", "T", &n, &k, &alpha, a.data(), &one, &one, desc_a.data(),
                                  b.data(), &one, &one, desc_b.data(), &beta, c.data(), &one, &one,
                                  desc_c.data());
}

template <class Real>
ReplicatedMatrix multiply_symmetric(DistributedMatrix<Real> const& a,
                                    std::vector<double> const& diagonal,
                                    ReplicatedMatrix const& x) {
  detail::require(
      a.rows() == a.cols() && a.cols() == x.rows && static_cast<Index>(diagonal.size()) == a.rows(),
      "a product of matrices whose shapes do not fit");
  ReplicatedMatrix y(x.rows, x.cols);
  std::vector<double> buffer;
  a.for_each_block(Part::upper, [&](Range rows, Range cols, Real const* entries, Index ld) {
    bool const crossing = rows.begin == cols.begin;
    double const* const block =
        crossing ? symmetric_block(entries, ld, rows.size(), diagonal.data() + rows.begin, buffer)
                 : as_double(entries, ld, rows.size(), cols.size(), buffer);
    detail::add_product(false, rows.size(), cols.size(), block, ld, x.row(cols.begin), x.cols,
                        y.row(rows.begin));
    if (!crossing)
      detail::add_product(true, rows.size(), cols.size(), block, ld, x.row(rows.begin), x.cols,
                          y.row(cols.begin));
  });
  a.grid().comm().sum(y.values.data(), y.rows * y.cols);
  return y;
}

template <class Real>
ReplicatedMatrix multiply_transposed(DistributedMatrix<Real> const& a, ReplicatedMatrix const& x) {
  detail::require(a.rows() == x.rows, "a product of matrices whose shapes do not fit");
  ReplicatedMatrix y(a.cols(), x.cols);
  std::vector<double> buffer;
  a.for_each_block(Part::all, [&](Range rows, Range cols, Real const* entries, Index ld) {
    double const* const block = as_double(entries, ld, rows.size(), cols.size(), buffer);
    detail::add_product(true, rows.size(), cols.size(), block, ld, x.row(rows.begin), x.cols,
                        y.row(cols.begin));
  });
  a.grid().comm().sum(y.values.data(), y.rows * y.cols);
  return y;
}

#define WIDELIMIT_INSTANTIATE(Real)                                                                \
  template void gemm(Op, Op, Real, DistributedMatrix<Real> const&, DistributedMatrix<Real> const&, \
                     Real, DistributedMatrix<Real>&);                                              \
  template void symm(Real, DistributedMatrix<Real> const&, DistributedMatrix<Real> const&, Real,   \
                     DistributedMatrix<Real>&);                                                    \
  template void syrk_transposed(Real, DistributedMatrix<Real> const&, Real,                        \
                                DistributedMatrix<Real>&);                                         \
  template void syr2k_transposed(Real, DistributedMatrix<Real> const&,                             \
                                 DistributedMatrix<Real> const&, Real, DistributedMatrix<Real>&);  \
  template ReplicatedMatrix multiply_symmetric(                                                    \
      DistributedMatrix<Real> const&, std::vector<double> const&, ReplicatedMatrix const&);        \
  template ReplicatedMatrix multiply_transposed(DistributedMatrix<Real> const&,                    \
                                                ReplicatedMatrix const&);
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)

}  // namespace widelimit::linalg
