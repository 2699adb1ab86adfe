/// \file
/// Planes: the kernel of a pack of pairs of points at all positions p, q = p + s of one shift s.
///
/// A *pack* is one row point with as many column points as a vector register has lanes; every number
/// of a plane is a vector over the pack, so that no plane is too narrow to be vectorised and all
/// bookkeeping over positions is scalar. Two numbers are kept for each pair of positions:
///   D = (q + q')/2 - K,   Θ,
/// q and q' being the variances K(x,x) at p and K(x',x') at q. D is half the mean squared distance
/// of the two activations. Like K it is linear under filters and pools, and unlike K it keeps its
/// digits where the activations are nearly equal, as in the flat parts of images.
#pragma once

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/block_operations.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::kernels {

/// Pairs in a pack: a vector register of AVX-512, or a warp.
template <class Real>
inline constexpr int pack_lanes = exec_is_host ? 64 / static_cast<int>(sizeof(Real)) : 32;

/// The grid of positions; sequences have height 1, vectors are 1 x 1.
struct Grid {
  int height = 1, width = 1;
  KOKKOS_FORCEINLINE_FUNCTION int count() const { return height * width; }
  bool operator==(Grid const&) const = default;
};

/// The difference q - p of two positions.
struct Shift {
  int y = 0, x = 0;
  bool operator==(Shift const&) const = default;
};

/// The positions p for which p and p + shift lie on the grid.
struct Rectangle {
  int y, x, height, width;

  KOKKOS_FORCEINLINE_FUNCTION Rectangle(Grid grid, Shift shift)
      : y(shift.y < 0 ? -shift.y : 0),
        x(shift.x < 0 ? -shift.x : 0),
        height(grid.height - (shift.y < 0 ? -shift.y : shift.y)),
        width(grid.width - (shift.x < 0 ? -shift.x : shift.x)) {}
  KOKKOS_FORCEINLINE_FUNCTION bool empty() const { return height <= 0 || width <= 0; }
};

/// Cells kept free around a plane, where filters reach beyond it.
struct Margin {
  int top = 0, bottom = 0, left = 0, right = 0;
};

/// Two arrays of a plane in memory, rows of `pitch` cells, a cell a vector over the pack.
template <class Real>
struct Plane {
  static constexpr int lanes = pack_lanes<Real>;
  Real *d, *t;
  int y, x, pitch;  ///< position of the first cell that is not margin

  KOKKOS_FORCEINLINE_FUNCTION Index cell(int at_y, int at_x) const {
    return (Index{at_y - y} * pitch + (at_x - x)) * lanes;
  }
};

/// A number of the row point: the same for all lanes, or one for each where points are paired with
/// themselves.
template <class Real>
struct Broadcast {
  Real value;
  KOKKOS_FORCEINLINE_FUNCTION Real operator[](int) const { return value; }
};

/// The tables of the points of one pack: slot s of the row point lies at row[s], or, with `self`
/// (each point paired with itself), at row[s·lanes + lane]; of the column points at
/// col[s·lanes + lane].
template <class Real, bool self>
struct PackTables {
  static constexpr int lanes = pack_lanes<Real>;
  Real const *row, *col;
  Real const* same;  ///< for each lane 1 where both points are the same, else 0

  KOKKOS_FORCEINLINE_FUNCTION auto of_row(Index slot) const {
    if constexpr (self)
      return row + slot * lanes;
    else
      return Broadcast<Real>{row[slot]};
  }
  KOKKOS_FORCEINLINE_FUNCTION Real const* of_col(Index slot) const { return col + slot * lanes; }

  /// Coefficients of the row's and the column's point for the lane k; coefficient m lies m·stride
  /// slots further.
  KOKKOS_FORCEINLINE_FUNCTION Point<Real> row_point(Index slot, Index stride, int k) const {
    if constexpr (self)
      return {row + slot * lanes + k, stride * lanes};
    else
      return {row + slot, stride};
  }
  KOKKOS_FORCEINLINE_FUNCTION Point<Real> col_point(Index slot, Index stride, int k) const {
    return {col + slot * lanes + k, stride * lanes};
  }
};

// By value and without fmin's care for NaN, so that they become one instruction.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real at_least(Real x, Real bound) {
  return x > bound ? x : bound;
}
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real at_most(Real x, Real bound) {
  return x < bound ? x : bound;
}

/// Calls f(k) for the lanes of a pack.
template <class Real, class Member, class F>
KOKKOS_FORCEINLINE_FUNCTION void for_pack(Member const& team, F const& f) {
  for_each_lane(team, pack_lanes<Real>, f);
}

/// Calls f(y, x, p, q) for the positions p of a plane, row by row, and their partners q.
template <class F>
KOKKOS_FORCEINLINE_FUNCTION void for_each_position(Grid grid, Shift shift, F const& f) {
  Rectangle const box(grid, shift);
  for (int y = box.y; y < box.y + box.height; ++y) {
    for (int x = box.x; x < box.x + box.width; ++x)
      f(y, x, Index{y} * grid.width + x, Index{y + shift.y} * grid.width + x + shift.x);
  }
}

}  // namespace widelimit::kernels
