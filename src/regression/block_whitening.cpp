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

}  // namespace

template <class Real>
BlockWhitening<Real>::BlockWhitening(KernelColumns<Real> const& kernel, Range mine,
                                     LowRankFactor<Real>& factor, double shift, Index size)
    : clusters_(cluster_rows(factor.rows.data(), mine.size(), factor.rank, size)) {
  Index const rank = factor.rank;
  std::vector<Index> points;
  std::vector<Real> entries;
  std::vector<double> rest, rows;
  for (Index group = 0; group < clusters_.count(); ++group) {
    Range const range = clusters_.range(group);
    Index const count = range.size();
    auto const row = [&](Index i) {
      return factor.rows.data() + clusters_.order[static_cast<std::size_t>(range.begin + i)] * rank;
    };
    points.clear();
    rows.clear();
    for (Index i = 0; i < count; ++i) {
      points.push_back(mine.begin + clusters_.order[static_cast<std::size_t>(range.begin + i)]);
      rows.insert(rows.end(), row(i), row(i) + rank);
    }
    entries.resize(static_cast<std::size_t>(count * count));
    kernel.evaluate_square(points, entries.data());
    double largest = 0;
    for (Index i = 0; i < count; ++i)
      largest = std::max(largest, static_cast<double>(entries[i * (count + 1)]));
    rest.assign(entries.begin(), entries.end());
    int const m = static_cast<int>(count), k = static_cast<int>(rank);
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, m, k, -1, rows.data(), k, 1, rest.data(), m);
    linalg::LocalCholesky const root(rest, count, shift,
                                     std::numeric_limits<Real>::epsilon() * largest);
    auto transposed = identity(count);
    root.divide_right(transposed.data(), count);
    cblas_dtrmm(CblasRowMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, m, k, 1,
                transposed.data(), m, rows.data(), k);
    for (Index i = 0; i < count; ++i) std::copy_n(rows.data() + i * rank, rank, row(i));
    auto& block = blocks_.emplace_back();
    for_each_strip(count, strip, [&](Range strip_rows, Index width, Index) {
      for (Index i = strip_rows.begin; i < strip_rows.end; ++i)
        for (Index j = 0; j < width; ++j)
          block.push_back(static_cast<Real>(transposed[static_cast<std::size_t>(j * count + i)]));
    });
  }
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
