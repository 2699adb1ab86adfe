/// \file
/// Tiles of Gram matrices of data with positions.
#pragma once

#include "widelimit/gram/points.hpp"

namespace widelimit::gram::detail {

/// Where the entries of a tile go: row-major with leading dimension `ld`; null: nowhere.
template <class Real>
struct TileTarget {
  Real *nngp, *ntk;
  Index ld;
};

/// K and Θ of `rows` x `cols`; with `lower_only` (rows == cols) at least those on and below the
/// diagonal. `same`: both sets are one, in which equal numbers are the same point. Returns how many
/// entries are not finite. Memory: a task's for each thread, and the numbers of a block of points.
template <class Real>
Index evaluate_positions(BoundPositions<Real> const& bound, Points<Real> const& row_points,
                         Points<Real> const& col_points, bool same, Range rows, Range cols,
                         bool lower_only, TileTarget<Real> const& target);

/// K(x,x) and Θ(x,x) of all points.
template <class Real>
struct Diagonals {
  std::vector<double> nngp, ntk;
};
template <class Real>
Diagonals<Real> diagonals_of_positions(BoundPositions<Real> const& bound,
                                       Points<Real> const& points);

}  // namespace widelimit::gram::detail
