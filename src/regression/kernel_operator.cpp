#include "widelimit/regression/kernel_operator.hpp"

#include <algorithm>

#include "widelimit/runtime/agree.hpp"

namespace widelimit::regression {

bool KernelOperator::multiply(double const* x, Index columns, double* y,
                              std::function<bool()> const& go_on) const {
  auto const entries = static_cast<std::size_t>(rows_.size() * columns);
  std::vector<double> whole_x(entries), whole_y(entries);
  rows_.gather(x, columns, whole_x.data());
  bool complete = false;
  runtime::agree(rows_.comm(),
                 [&] { complete = add_share(whole_x.data(), columns, whole_y.data(), go_on); });
  if (rows_.comm().first_rank_where(!complete) >= 0) return false;
  rows_.sum_scatter(whole_y.data(), columns, y);
  return true;
}

template <class Real>
void StoredKernel<Real>::accept(gram::Tile<Real> const& tile, bool) {
  constexpr Index side = gram::part_side<Real>;
  Real const* const entries = kernel_ == gram::Kernel::nngp ? tile.nngp.get() : tile.ntk.get();
  bool const on_diagonal = tile.rows == tile.cols;
  for (Index i = tile.rows.begin; i < tile.rows.end; i += side) {
    for (Index j = tile.cols.begin; j < tile.cols.end; j += side) {
      if (on_diagonal && j > i) break;
      keep(entries + (i - tile.rows.begin) * tile.ld + (j - tile.cols.begin), tile.ld,
           {i, std::min(tile.rows.end, i + side)}, {j, std::min(tile.cols.end, j + side)});
    }
  }
}

template <class Real>
void StoredKernel<Real>::keep(Real const* from, Index ld, Range rows, Range cols) {
  Index const width = cols.size();
  Real* const to =
      memory_.emplace_back(std::make_unique_for_overwrite<Real[]>(rows.size() * width)).get();
  if (rows == cols) {
    for (Index i = 0; i < width; ++i)
      for (Index j = 0; j <= i; ++j) to[i * width + j] = to[j * width + i] = from[i * ld + j];
  } else {
    for (Index i = 0; i < rows.size(); ++i) std::copy_n(from + i * ld, width, to + i * width);
  }
  parts_.push_back({rows, cols, to, width});
}

template <class Real>
bool StoredKernel<Real>::add_share(double const* x, Index columns, double* y,
                                   std::function<bool()> const& go_on) const {
  return product_.add(
      static_cast<Index>(parts_.size()),
      [&](Index k) { return parts_[static_cast<std::size_t>(k)]; }, x, y, rows().size(), columns,
      go_on);
}

template <class Real>
bool RecomputedKernel<Real>::add_share(double const* x, Index columns, double* y,
                                       std::function<bool()> const& go_on) const {
  Index const n = rows().size();
  Index const ranks = rows().comm().size(), rank = rows().comm().rank();
  io::TileGrid const grid{n, n, gram::part_side<Real>, io::Coverage::lower};
  Index const count = (grid.count() - rank + ranks - 1) / ranks;
  return product_.add(
      count,
      [&](Index k) {
        auto const id = grid.id(k * ranks + rank);
        return gram::MatrixPart<Real>{grid.row_range(id), grid.col_range(id)};
      },
      x, y, n, columns, go_on);
}

template class StoredKernel<float>;
template class StoredKernel<double>;
template class RecomputedKernel<float>;
template class RecomputedKernel<double>;

}  // namespace widelimit::regression
