#include "widelimit/linalg/triangle.hpp"

#include <Kokkos_Core.hpp>

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/detail/scalapack.hpp"

namespace widelimit::linalg {
namespace {

/// Within one triangle-crossing n x n block: (i, j) ↔ (j, i).
template <class Real>
void mirror_block(Part from, Index n, Real* entries, Index ld) {
  for (Index j = 0; j < n; ++j)
    for (Index i = j + 1; i < n; ++i) {
      Real& lower = entries[i + j * ld];
      Real& upper = entries[j + i * ld];
      from == Part::lower ? upper = lower : lower = upper;
    }
}

/// A matrix on one rank, by tiles that stay in cache.
template <class Real>
void mirror_local(Part from, DistributedMatrix<Real>& a) {
  constexpr Index tile = 64;
  Index const n = a.rows();
  Index const ld = a.ld();
  Index const tiles = (n + tile - 1) / tile;
  Real* const entries = a.data();
  using Policy = Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace,
                                     Kokkos::Schedule<Kokkos::Dynamic>, Kokkos::IndexType<Index>>;
  Kokkos::parallel_for("widelimit::linalg::mirror", Policy(0, tiles), [=](Index tj) {
    Index const j_end = std::min(n, (tj + 1) * tile);
    mirror_block(from, j_end - tj * tile, entries + tj * tile * (ld + 1), ld);
    for (Index ti = tj + 1; ti < tiles; ++ti)
      for (Index j = tj * tile; j < j_end; ++j)
        for (Index i = ti * tile; i < std::min(n, (ti + 1) * tile); ++i) {
          Real& lower = entries[i + j * ld];
          Real& upper = entries[j + i * ld];
          from == Part::lower ? upper = lower : lower = upper;
        }
  });
  Kokkos::DefaultHostExecutionSpace().fence("widelimit::linalg::mirrored");
}

/// One block column (row) at a time, since source and target of a transposition must not overlap.
template <class Real>
void mirror_distributed(Part from, DistributedMatrix<Real>& a) {
  auto const desc = a.descriptor();
  Real const unit = 1;
  Real const zero = 0;
  Index const nb = a.block();
  for (Index begin = 0; begin + nb < a.rows(); begin += nb) {
    int const width = static_cast<int>(nb);
    int const rest = static_cast<int>(a.rows() - begin - nb);
    int const first = static_cast<int>(begin + 1);
    int const next = static_cast<int>(begin + nb + 1);
    if (from == Part::lower)
      detail::Scalapack<Real>::ptran(&width, &rest, &unit, a.data(), &next, &first, desc.data(),
                                     &zero, a.data(), &first, &next, desc.data());
    else
      detail::Scalapack<Real>::ptran(&rest, &width, &unit, a.data(), &first, &next, desc.data(),
                                     &zero, a.data(), &next, &first, desc.data());
  }
  a.for_each_block(Part::all, [&](Range rows, Range cols, Real* entries, Index ld) {
    if (rows.begin == cols.begin) mirror_block(from, rows.size(), entries, ld);
  });
}

template <class Real>
void mirror(Part from, DistributedMatrix<Real>& a) {
  detail::require(a.rows() == a.cols(), "the triangles of a matrix that is not square");
  a.grid().size() == 1 ? mirror_local(from, a) : mirror_distributed(from, a);
}

/// Calls `f(i, entry)` for the diagonal entries that this rank holds.
template <class Matrix, class F>
void for_each_diagonal_entry(Matrix& a, F&& f) {
  a.for_each_block(Part::all, [&](Range rows, Range cols, auto* entries, Index ld) {
    if (rows.begin != cols.begin) return;
    for (Index i = 0; i < rows.size(); ++i) f(rows.begin + i, entries[i * (ld + 1)]);
  });
}

}  // namespace

template <class Real>
void mirror_lower_to_upper(DistributedMatrix<Real>& a) {
  mirror(Part::lower, a);
}

template <class Real>
void mirror_upper_to_lower(DistributedMatrix<Real>& a) {
  mirror(Part::upper, a);
}

template <class Real>
std::vector<double> diagonal(DistributedMatrix<Real> const& a) {
  detail::require(a.rows() == a.cols(), "the diagonal of a matrix that is not square");
  std::vector<double> values(static_cast<std::size_t>(a.rows()));
  for_each_diagonal_entry(
      a, [&](Index i, Real entry) { values[static_cast<std::size_t>(i)] = entry; });
  a.grid().comm().sum(values.data(), a.rows());
  return values;
}

template <class Real>
void set_diagonal(DistributedMatrix<Real>& a, std::vector<double> const& values, double shift) {
  detail::require(a.rows() == a.cols() && static_cast<Index>(values.size()) == a.rows(),
                  "a diagonal of another length than the matrix");
  for_each_diagonal_entry(a, [&](Index i, Real& entry) {
    entry = static_cast<Real>(values[static_cast<std::size_t>(i)] + shift);
  });
}

#define WIDELIMIT_INSTANTIATE(Real)                                      \
  template void mirror_lower_to_upper(DistributedMatrix<Real>&);         \
  template void mirror_upper_to_lower(DistributedMatrix<Real>&);         \
  template std::vector<double> diagonal(DistributedMatrix<Real> const&); \
  template void set_diagonal(DistributedMatrix<Real>&, std::vector<double> const&, double);
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)

}  // namespace widelimit::linalg
