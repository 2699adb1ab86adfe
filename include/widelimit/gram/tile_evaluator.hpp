/// \file
/// K and Θ of one tile of a Gram matrix.
#pragma once

#include "widelimit/gram/kernel.hpp"
#include "widelimit/gram/points.hpp"

namespace widelimit::gram {

namespace detail {
template <class Real>
class HostTiles;
}

/// What is filled of a tile on the diagonal.
enum class DiagonalTiles {
  full,  ///< all of it, exactly symmetric
  lower  ///< nothing above the diagonal, which keeps what it held
};

/// Evaluates tiles of the Gram matrices between two data sets that were bound together (or of one
/// with itself).
template <class Real>
class TileEvaluator {
 public:
  /// The data must outlive the evaluator. `row_points` and `col_points` may be the same object:
  /// then equal row and column numbers are the same point (exact diagonal, shared dropout masks).
  TileEvaluator(BoundProgram<Real> program, Points<Real> const& row_points,
                Points<Real> const& col_points, Output output,
                DiagonalTiles diagonal_tiles = DiagonalTiles::full);

  /// K and/or Θ of the points `rows` x `cols`: a GEMM, and the whole layer stack on blocks of the
  /// product while they are in cache. 2|I||J|d + O(layers·|I||J|) flops, no allocation. Data with
  /// positions have planes of pairs of positions instead. A tile on the diagonal (rows == cols of
  /// one data set) is exactly symmetric where it is filled; in others, points that are both a row
  /// and a column have their exact values as well. One call at a time.
  /// \param nngp, ntk  row-major |I| x |J| with leading dimension `ld`, host memory; the one that
  ///                   `output` does not ask for may be null
  /// Throws InputError where an entry is not finite.
  void operator()(Range rows, Range cols, Real* nngp, Real* ntk, Index ld) const;

  Output output() const { return output_; }
  Points<Real> const& row_points() const { return row_points_; }
  Points<Real> const& col_points() const { return col_points_; }

 private:
  Points<Real> const& row_points_;
  Points<Real> const& col_points_;
  Output output_;
  DiagonalTiles diagonal_tiles_;
  std::shared_ptr<detail::HostTiles<Real>> tiles_;  ///< what one tile leaves for the next, too
};

}  // namespace widelimit::gram
