/// \file
/// Tiles of Gram matrices of data with positions.
#pragma once

#include "widelimit/gram/points.hpp"

#include "gram/detail/bad_entries.hpp"
#include "gram/detail/tile_target.hpp"

namespace widelimit::gram::detail {

/// The numbers of a range of points, by packs for columns and point by point for rows.
template <class Real>
struct BlockTables {
  using Vector = Kokkos::View<Real*, Exec>;

  Points<Real> const* points = nullptr;
  Range range = {0, 0};
  Index slots = 0;
  Vector packs;  ///< slot s of lane k of pack j at (j·slots + s)·lanes + k
  Vector rows;   ///< slot s of point i at i·slots + s; or empty

  KOKKOS_FUNCTION Index n_packs() const {
    return (range.size() + kernels::pack_lanes<Real> - 1) / kernels::pack_lanes<Real>;
  }
};

/// Memory that lives as long as an evaluator: what was filled for the last tile serves the next one
/// where they share rows or columns.
template <class Real>
struct PositionWorkspace {
  BlockTables<Real> rows, cols;
  Kokkos::View<Real*, HostExec> host_tasks;  ///< of the threads that fill tables
  Kokkos::View<Real*, Exec> tasks;           ///< of the teams that work on pairs
};

/// K and Θ of `rows` x `cols`; with `lower_only` (rows == cols) at least those on and below the
/// diagonal. `same`: both sets are one, in which equal numbers are the same point. Entries that
/// are not finite are counted in `bad`. Memory: a task's for each thread or team, and the numbers of
/// a block of points.
template <class Real>
void evaluate_positions(BoundPositions<Real> const& bound, Points<Real> const& row_points,
                        Points<Real> const& col_points, bool same, Range rows, Range cols,
                        bool lower_only, TileTarget<Real> const& target, BadEntries const& bad,
                        PositionWorkspace<Real>& workspace);

/// K(x,x) and Θ(x,x) of all points.
template <class Real>
struct Diagonals {
  std::vector<double> nngp, ntk;
};
template <class Real>
Diagonals<Real> diagonals_of_positions(BoundPositions<Real> const& bound,
                                       Points<Real> const& points);

}  // namespace widelimit::gram::detail
