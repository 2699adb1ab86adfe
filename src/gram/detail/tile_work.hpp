/// \file
/// Tiles in the memory of the kernels, wherever that is.
#pragma once

#include <memory>
#include <optional>

#include "widelimit/gram/tile_evaluator.hpp"
#include "widelimit/kernels/device_blas.hpp"

#include "gram/detail/position_tiles.hpp"

namespace widelimit::gram::detail {

/// What TileEvaluator does, to memory of Exec. One call at a time where Exec is a GPU or data have
/// positions.
template <class Real>
class TileWork {
 public:
  /// The data must outlive it.
  TileWork(BoundProgram<Real> program, Points<Real> const& row_points,
           Points<Real> const& col_points);

  /// Throws InputError where an entry is not finite.
  void operator()(Range rows, Range cols, DiagonalTiles diagonal_tiles,
                  TileTarget<Real> const& target);

 private:
  void entries(Range rows, Range cols, bool lower_only, TileTarget<Real> const& target,
               BadEntries const& bad);

  BoundProgram<Real> program_;
  Points<Real> const& row_points_;
  Points<Real> const& col_points_;
  PositionWorkspace<Real> workspace_;  ///< what one tile leaves for the next
  std::optional<kernels::DeviceBlas> blas_;
};

}  // namespace widelimit::gram::detail
