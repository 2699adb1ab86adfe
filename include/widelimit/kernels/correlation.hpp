/// \file
/// The correlation form of a kernel entry, which every layer maps to itself.
///
/// A pair of points has NNGP K and NTK Θ; the points have scales r = √K(x,x). The state of the pair
/// is
///   c = K/(r r'),   e = 1 - |c|,   t = Θ/(r r').
/// In this form a layer's map is bounded (inputs of norm 1e±150 are harmless), positively
/// homogeneous layers (relu, layer_norm, dense without bias) do not see the scales at all, and the
/// *defect* e, carried along instead of being formed as 1-|c|, keeps the angle acos c accurate to
/// rounding for nearly equal and nearly opposite points, where acos(c) would lose half of the
/// digits.
#pragma once

#include "widelimit/kernels/elementary.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::kernels {

template <class Real>
struct Entry {
  Real c;  ///< correlation, in [-1, 1]
  Real e;  ///< defect 1-|c|, in [0, 1]
  Real t;  ///< Θ/(r r')

  /// 1 - c without cancellation.
  KOKKOS_FORCEINLINE_FUNCTION Real one_minus() const { return c >= 0 ? e : 2 - e; }
  /// 1 + c without cancellation.
  KOKKOS_FORCEINLINE_FUNCTION Real one_plus() const { return c >= 0 ? 2 - e : e; }
};

/// Numbers that belong to one point, for one layer: coefficient m lies at data[m * stride].
template <class Real>
struct Point {
  Real const* data;
  Index stride;
  KOKKOS_FORCEINLINE_FUNCTION Real operator[](int m) const { return data[m * stride]; }
};

/// An entry whose correlation was computed without its defect: e = 1-|c|. `same` says that the two
/// points are the same, where c = 1 holds whatever rounding made of it.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Entry<Real> entry_of(Real c, Real t, bool same) {
  Real const inside = c > 1 ? Real(1) : (c < -1 ? Real(-1) : c);
  Real const defect = 1 - Kokkos::fabs(inside);
  return {same ? Real(1) : inside, same ? Real(0) : defect, t};
}

/// Whether two points with equal coefficient 0 and the correlation of `in` are the same to this
/// layer.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION bool same_point(Entry<Real> const& in, Point<Real> row,
                                            Point<Real> col) {
  return in.e == 0 && in.c > 0 && row[0] == col[0];
}

/// a or b by value: `?:` of two variables chooses between addresses, which keeps loops scalar.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real select(bool first, Real a, Real b) {
  return first ? a : b;
}

/// Whether two positive numbers differ by less than a factor of 2.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION bool comparable(Real a, Real b) {
  return a < 2 * b && b < 2 * a;
}

}  // namespace widelimit::kernels
