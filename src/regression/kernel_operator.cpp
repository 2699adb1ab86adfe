#include "widelimit/regression/kernel_operator.hpp"

#include <algorithm>
#include <future>

#include "widelimit/kernels/split_entries.hpp"
#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/memory.hpp"

namespace widelimit::regression {
namespace {

/// Calls `visit(rows, cols)` for the parts of a tile of a lower triangle.
template <class Real, class Visit>
void for_each_part(Range rows, Range cols, Visit const& visit) {
  constexpr Index side = gram::part_side<Real>;
  for (Index i = rows.begin; i < rows.end; i += side) {
    for (Index j = cols.begin; j < cols.end; j += side) {
      if (rows == cols && j > i) break;
      visit(Range{i, std::min(rows.end, i + side)}, Range{j, std::min(cols.end, j + side)});
    }
  }
}

/// The entries of a part, row by row, to `to` and what rounding left of them to `remainders` (null:
/// to nowhere); the upper half of a square on the diagonal from its lower.
template <class Real, class Given>
void copy_part(Given const* from, Index ld, gram::MatrixPart<Real> const& part, Real* to,
               std::int8_t* remainders) {
  Index const width = part.ld;
  bool const square = part.rows == part.cols;
  for (Index i = 0; i < part.rows.size(); ++i) {
    Index const count = square ? i + 1 : width;
    Given const* const row = from + i * ld;
    for (Index j = 0; j < count; ++j) to[i * width + j] = static_cast<Real>(row[j]);
    if constexpr (!std::is_same_v<Real, Given>) {
      for (Index j = 0; j < count; ++j)
        remainders[i * width + j] = kernels::remainder_of(row[j], to[i * width + j]);
    }
  }
  if (!square) return;
  auto const mirror = [width](auto* entries) {
    for (Index i = 0; i < width; ++i)
      for (Index j = 0; j < i; ++j) entries[j * width + i] = entries[i * width + j];
  };
  mirror(to);
  if (remainders != nullptr) mirror(remainders);
}

/// Memory of a tile, not yet touched.
template <class T>
T* allocate(std::vector<Kokkos::View<T*, Kokkos::HostSpace>>& tiles, Index size) {
  T* const memory =
      tiles
          .emplace_back(
              Kokkos::view_alloc("widelimit::regression::tile", Kokkos::WithoutInitializing), size)
          .data();
  runtime::prefer_large_pages(memory, static_cast<std::size_t>(size) * sizeof(T));
  return memory;
}

}  // namespace

bool KernelOperator::multiply(double const* x, Index columns, double* y,
                              std::function<bool()> const& go_on, gram::PartSums sums) const {
  auto const entries = static_cast<std::size_t>(rows_.size() * columns);
  std::vector<double> whole_x(entries), whole_y(entries);
  rows_.gather(x, columns, whole_x.data());
  bool complete = false;
  runtime::agree(rows_.comm(), [&] {
    complete = add_share(whole_x.data(), columns, whole_y.data(), sums, go_on);
  });
  if (rows_.comm().first_rank_where(!complete) >= 0) return false;
  rows_.sum_scatter(whole_y.data(), columns, y);
  return true;
}

template <class Real, class Given>
void StoredKernel<Real, Given>::accept(gram::Tile<Given> const& tile, bool) {
  Given const* const entries = kernel_ == gram::Kernel::nngp ? tile.nngp.get() : tile.ntk.get();
  std::size_t const first = parts_.size();
  std::vector<Index> places;
  Index size = 0;
  for_each_part<Real>(tile.rows, tile.cols, [&](Range rows, Range cols) {
    places.push_back(size);
    constexpr Index line = 64 / sizeof(Real);
    size += (rows.size() * cols.size() + line - 1) / line * line;
    parts_.push_back({rows, cols, nullptr, cols.size()});
  });
  Real* const memory = allocate(memory_, size);
  std::int8_t* const remainders =
      std::is_same_v<Real, Given> ? nullptr : allocate(remainders_, size);
  Kokkos::parallel_for(
      "widelimit::regression::keep",
      Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, static_cast<Index>(places.size())),
      [&](Index k) {
        auto& part = parts_[first + static_cast<std::size_t>(k)];
        Index const place = places[static_cast<std::size_t>(k)];
        part.entries = memory + place;
        if (remainders != nullptr) part.remainders = remainders + place;
        copy_part(entries + (part.rows.begin - tile.rows.begin) * tile.ld + part.cols.begin -
                      tile.cols.begin,
                  tile.ld, part, memory + place,
                  remainders == nullptr ? nullptr : remainders + place);
      });
}

template <class Real, class Given>
bool StoredKernel<Real, Given>::add_share(double const* x, Index columns, double* y,
                                          gram::PartSums sums,
                                          std::function<bool()> const& go_on) const {
  return product_.add(
      static_cast<Index>(parts_.size()),
      [&](Index k) { return parts_[static_cast<std::size_t>(k)]; }, x, y, rows().size(), columns,
      sums, go_on);
}

template <class Real>
std::vector<Real> FiledKernel<Real>::read(Index tile) const {
  auto const id = grid_.id(tile);
  Index const ld = grid_.col_range(id).size();
  std::vector<Real> entries(static_cast<std::size_t>(grid_.row_range(id).size() * ld));
  bool const nngp = kernel_ == gram::Kernel::nngp;
  tiles_.read(tile, nngp ? entries.data() : nullptr, nngp ? nullptr : entries.data(), ld);
  if (id.row == id.col) {  // of which the file holds the lower half
    for (Index i = 0; i < ld; ++i)
      for (Index j = 0; j < i; ++j)
        entries[static_cast<std::size_t>(j * ld + i)] =
            entries[static_cast<std::size_t>(i * ld + j)];
  }
  return entries;
}

template <class Real>
bool FiledKernel<Real>::add_share(double const* x, Index columns, double* y, gram::PartSums sums,
                                  std::function<bool()> const& go_on) const {
  Index const ranks = rows().comm().size(), rank = rows().comm().rank();
  auto const read_ahead = [&](Index tile) {
    return std::async(std::launch::async, [this, tile] { return read(tile); });
  };
  std::future<std::vector<Real>> next;
  if (rank < grid_.count()) next = read_ahead(rank);
  for (Index tile = rank; tile < grid_.count(); tile += ranks) {
    auto const entries = next.get();
    if (tile + ranks < grid_.count()) next = read_ahead(tile + ranks);
    auto const id = grid_.id(tile);
    Range const tile_rows = grid_.row_range(id), tile_cols = grid_.col_range(id);
    Index const ld = tile_cols.size();
    std::vector<gram::MatrixPart<Real>> parts;
    for_each_part<Real>(tile_rows, tile_cols, [&](Range part_rows, Range part_cols) {
      Index const at = (part_rows.begin - tile_rows.begin) * ld + part_cols.begin - tile_cols.begin;
      parts.push_back({part_rows, part_cols, entries.data() + at, ld});
    });
    bool const finished = product_.add(
        static_cast<Index>(parts.size()),
        [&](Index part) { return parts[static_cast<std::size_t>(part)]; }, x, y, rows().size(),
        columns, sums, go_on);
    if (!finished) return false;
  }
  return true;
}

template <class Real>
bool RecomputedKernel<Real>::add_share(double const* x, Index columns, double* y,
                                       gram::PartSums sums,
                                       std::function<bool()> const& go_on) const {
  Index const n = rows().size();
  Index const ranks = rows().comm().size(), rank = rows().comm().rank();
  io::TileGrid const grid{n, n, gram::made_side<Real>, io::Coverage::lower};
  Index const count = (grid.count() - rank + ranks - 1) / ranks;
  return product_.add(
      count,
      [&](Index k) {
        auto const id = grid.id(k * ranks + rank);
        return gram::MatrixPart<Real>{grid.row_range(id), grid.col_range(id)};
      },
      x, y, n, columns, sums, go_on);
}

template class StoredKernel<float>;
template class StoredKernel<double>;
template class StoredKernel<float, double>;
template class FiledKernel<float>;
template class FiledKernel<double>;
template class RecomputedKernel<float>;
template class RecomputedKernel<double>;

}  // namespace widelimit::regression
