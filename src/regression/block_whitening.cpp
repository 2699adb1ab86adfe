#include "widelimit/regression/block_whitening.hpp"

#include <algorithm>
#include <limits>

#include <Kokkos_Core.hpp>
#include <cblas.h>

#include "widelimit/kernels/part_times_columns.hpp"
#include "widelimit/linalg/local_cholesky.hpp"

namespace widelimit::regression {
namespace {

using kernels::PartPass;
using From = kernels::Columns<double const>;
using To = kernels::Columns<double>;

/// Row-major identity.
std::vector<double> identity(Index n) {
  std::vector<double> one(static_cast<std::size_t>(n * n));
  for (Index i = 0; i < n; ++i) one[static_cast<std::size_t>(i * (n + 1))] = 1;
  return one;
}

/// Calls visit(rows of a strip, its width, where its entries begin).
template <class Visit>
void for_each_strip(Index size, Index height, Visit const& visit) {
  Index place = 0;
  for (Index begin = 0; begin < size; begin += height) {
    Index const end = std::min(size, begin + height);
    visit(Range{begin, end}, end, place);
    place += (end - begin) * end;
  }
}

/// L⁻ᵀ, row-major, with L·Lᵀ = A - F·Fᵀ + shift·I; `rows` of F (row-major) become L⁻¹·F.
template <class Real>
std::vector<double> whiten(std::vector<Real> const& a, Index n, std::vector<double>& rows,
                           Index rank, double shift) {
  double largest = 0;
  for (Index i = 0; i < n; ++i)
    largest = std::max(largest, static_cast<double>(a[static_cast<std::size_t>(i * (n + 1))]));
  std::vector<double> rest(a.begin(), a.end());
  int const m = static_cast<int>(n), k = static_cast<int>(rank);
  cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, m, k, -1, rows.data(), k, 1, rest.data(), m);
  linalg::LocalCholesky const root(rest, n, shift, std::numeric_limits<Real>::epsilon() * largest);
  auto transposed = identity(n);
  root.divide_right(transposed.data(), n);
  cblas_dtrmm(CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, m, k, 1,
              transposed.data(), m, rows.data(), k);
  return transposed;
}

}  // namespace

template <class Real>
BlockWhitening<Real>::BlockWhitening(KernelColumns<Real> const& kernel, Range mine,
                                     LowRankFactor<Real>& factor, double shift, Index size)
    : clusters_(cluster_rows(factor.rows.data(), mine.size(), factor.rank, size)) {
  Index const rank = factor.rank;
  std::vector<Index> points;
  std::vector<Real> entries;
  std::vector<double> rows;
  for (Index group = 0; group < clusters_.count(); ++group) {
    Range const range = clusters_.range(group);
    points.clear();
    rows.clear();
    for (Index k = range.begin; k < range.end; ++k) {
      Index const row = clusters_.order[static_cast<std::size_t>(k)];
      points.push_back(mine.begin + row);
      Real const* const from = factor.rows.data() + row * rank;
      rows.insert(rows.end(), from, from + rank);
    }
    entries.resize(static_cast<std::size_t>(range.size() * range.size()));
    kernel.evaluate_square(points, entries.data());
    auto const transposed = whiten(entries, range.size(), rows, rank, shift);
    for (Index k = 0; k < range.size(); ++k)
      std::copy_n(rows.data() + k * rank, rank,
                  factor.rows.data() + (points[static_cast<std::size_t>(k)] - mine.begin) * rank);
    blocks_.push_back(strips_of(transposed, range.size()));
  }
}

template <class Real>
std::vector<Real> BlockWhitening<Real>::strips_of(std::vector<double> const& transposed,
                                                  Index size) const {
  std::vector<Real> entries;
  for_each_strip(size, strip, [&](Range rows, Index width, Index) {
    for (Index i = rows.begin; i < rows.end; ++i)
      for (Index j = 0; j < width; ++j)
        entries.push_back(static_cast<Real>(transposed[static_cast<std::size_t>(j * size + i)]));
  });
  return entries;
}

template <class Real>
template <class AddStrip>
void BlockWhitening<Real>::multiply(double* r, Index columns, AddStrip const& add_strip) const {
  auto const n = static_cast<Index>(clusters_.order.size());
  using Policy =
      Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace, Kokkos::Schedule<Kokkos::Dynamic>>;
  Kokkos::parallel_for(
      "widelimit::regression::whiten", Policy(0, clusters_.count()).set_chunk_size(1),
      [&](Index group) {
        Range const range = clusters_.range(group);
        Index const size = range.size();
        Index const* const order = clusters_.order.data() + range.begin;
        std::vector<double> from(static_cast<std::size_t>(size * columns)), to(from.size());
        for (Index c = 0; c < columns; ++c)
          for (Index i = 0; i < size; ++i) from[c * size + i] = r[c * n + order[i]];
        Real const* const entries = blocks_[static_cast<std::size_t>(group)].data();
        for_each_strip(size, strip, [&](Range rows, Index width, Index place) {
          add_strip(entries + place, rows, width, From{from.data(), size}, To{to.data(), size});
        });
        for (Index c = 0; c < columns; ++c)
          for (Index i = 0; i < size; ++i) r[c * n + order[i]] = to[c * size + i];
      });
}

template <class Real>
void BlockWhitening<Real>::apply(double* r, Index columns) const {
  multiply(r, columns, [columns](Real const* w, Range rows, Index width, From from, To to) {
    kernels::part_times_columns<PartPass::rows>(w, width, rows.size(), width, columns, from, From{},
                                                to.at(rows.begin, 0), To{});
  });
}

template <class Real>
void BlockWhitening<Real>::apply_transposed(double* r, Index columns) const {
  multiply(r, columns, [columns](Real const* w, Range rows, Index width, From from, To to) {
    kernels::part_times_columns<PartPass::columns>(w, width, rows.size(), width, columns, From{},
                                                   from.at(rows.begin, 0), To{}, to);
  });
}

template class BlockWhitening<float>;
template class BlockWhitening<double>;

}  // namespace widelimit::regression
