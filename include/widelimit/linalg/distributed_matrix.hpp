/// \file
/// A dense matrix spread block-cyclically over a process grid.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>

#include "widelimit/linalg/block_cyclic.hpp"
#include "widelimit/linalg/process_grid.hpp"
#include "widelimit/linalg/replicated_matrix.hpp"

namespace widelimit::linalg {

/// Which blocks of a matrix are visited: all, or those with an entry on or below (above) the
/// diagonal.
enum class Part { all, lower, upper };

/// Rows and columns of a block: wide enough for GEMM, narrow enough to balance the ranks.
/// Of 32 … 512, 96 and 128 are the fastest on 2 ranks at N = 4096 (tests/bench/cholesky.cpp).
inline constexpr Index default_block = 128;

/// rows() x cols() entries in square blocks, in ScaLAPACK's layout: each rank keeps its
/// local_rows() x local_cols() entries column-major with leading dimension ld(). Starts at zero.
/// Moved, not copied. Instantiated for float and double.
template <class Real>
class DistributedMatrix {
 public:
  /// Collective. Throws InputError on all ranks where a share does not fit in memory or is larger
  /// than ScaLAPACK's 32-bit integers can index.
  DistributedMatrix(ProcessGrid grid, Index rows, Index cols, Index block = default_block);

  ProcessGrid const& grid() const { return grid_; }
  Index rows() const { return row_axis_.size; }
  Index cols() const { return col_axis_.size; }
  Index block() const { return row_axis_.block; }
  BlockCyclicAxis const& row_axis() const { return row_axis_; }
  BlockCyclicAxis const& col_axis() const { return col_axis_; }

  // Local, this rank's share.
  Index local_rows() const { return row_axis_.local_count(grid_.row()); }
  Index local_cols() const { return col_axis_.local_count(grid_.col()); }
  Index ld() const { return std::max<Index>(1, local_rows()); }
  Real* data() { return data_.get(); }
  Real const* data() const { return data_.get(); }
  Real& local(Index i, Index j) { return data_[i + j * ld()]; }
  Real local(Index i, Index j) const { return data_[i + j * ld()]; }
  Index global_row(Index local) const { return row_axis_.to_global(grid_.row(), local); }
  Index global_col(Index local) const { return col_axis_.to_global(grid_.col(), local); }
  bool owns(Index row, Index col) const {
    return row_axis_.owner(row) == grid_.row() && col_axis_.owner(col) == grid_.col();
  }
  /// Entry (row, col), which this rank must own.
  Real& global(Index row, Index col) {
    return local(row_axis_.to_local(row), col_axis_.to_local(col));
  }
  Real global(Index row, Index col) const {
    return local(row_axis_.to_local(row), col_axis_.to_local(col));
  }

  /// Calls `f(Range rows, Range cols, Real* entries, Index ld)` for each block that this rank holds
  /// (column-major, in place), block column by block column. Local.
  template <class F>
  void for_each_block(Part part, F&& f) {
    visit_blocks(*this, part, f);
  }
  template <class F>
  void for_each_block(Part part, F&& f) const {
    visit_blocks(*this, part, f);
  }

  /// Takes this rank's entries out of `whole`, of the same shape. Local.
  void scatter(ReplicatedMatrix const& whole);
  /// All entries on all ranks; for matrices with few columns. Collective.
  ReplicatedMatrix gather() const;

  /// ScaLAPACK's array descriptor. Local.
  std::array<int, 9> descriptor() const;

 private:
  struct Free {
    void operator()(Real* p) const { std::free(p); }
  };

  template <class Self, class F>
  static void visit_blocks(Self& self, Part part, F&& f) {
    int const p = self.grid_.row();
    int const q = self.grid_.col();
    for (Index bj = 0; bj < self.col_axis_.local_blocks(q); ++bj) {
      Range const cols = self.col_axis_.block_range(q, bj);
      for (Index bi = 0; bi < self.row_axis_.local_blocks(p); ++bi) {
        Range const rows = self.row_axis_.block_range(p, bi);
        if (part == Part::lower && rows.begin < cols.begin) continue;
        if (part == Part::upper && rows.begin > cols.begin) continue;
        f(rows, cols, self.data() + bi * self.block() + bj * self.block() * self.ld(), self.ld());
      }
    }
  }

  ProcessGrid grid_;
  BlockCyclicAxis row_axis_, col_axis_;
  std::unique_ptr<Real[], Free> data_;
};

extern template class DistributedMatrix<float>;
extern template class DistributedMatrix<double>;

}  // namespace widelimit::linalg
