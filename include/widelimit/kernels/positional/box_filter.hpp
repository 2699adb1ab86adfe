/// \file
/// Stride-1 convolutions of a plane: box filters, and what follows while their sums are in
/// registers.
#pragma once

#include "widelimit/kernels/elementary.hpp"
#include "widelimit/kernels/positional/plane.hpp"

namespace widelimit::kernels {

/// Output (y, x) sums the inputs (y + 0…height-1 - margin.top, x + 0…width-1 - margin.left). The
/// margin is how far the filter reaches beyond the grid; that of valid convolutions is 0.
struct BoxFilter {
  int height = 1, width = 1;
  Margin margin;
};

/// Fills the margin of a plane: beyond the grid activations are zero, so
/// that where one of p and q lies on it, D is half the variance there.
/// \param half_variance  first slot of q/2
template <class Real, bool self, class Member>
KOKKOS_FUNCTION void fill_margin(Member const& team, Plane<Real> const& plane, Grid grid,
                                 Shift shift, Margin const& margin,
                                 PackTables<Real, self> const& tables, Index half_variance) {
  Rectangle const box(grid, shift);
  auto const fill = [&](int y, int x) {
    Index const at = plane.cell(y, x);
    Real* const d = plane.d + at;
    Real* const t = plane.t + at;
    int const qy = y + shift.y, qx = x + shift.x;
    if (y >= 0 && y < grid.height && x >= 0 && x < grid.width) {
      auto const from = tables.of_row(half_variance + Index{y} * grid.width + x);
      for_pack<Real>(team, [=](int k) {
        d[k] = from[k];
        t[k] = 0;
      });
    } else if (qy >= 0 && qy < grid.height && qx >= 0 && qx < grid.width) {
      Real const* const from = tables.of_col(half_variance + Index{qy} * grid.width + qx);
      for_pack<Real>(team, [=](int k) {
        d[k] = from[k];
        t[k] = 0;
      });
    } else {
      for_pack<Real>(team, [=](int k) { d[k] = t[k] = 0; });
    }
  };
  int const first = box.x - margin.left, last = box.x + box.width + margin.right;
  for (int y = box.y - margin.top; y < box.y; ++y)
    for (int x = first; x < last; ++x) fill(y, x);
  for (int y = box.y; y < box.y + box.height; ++y) {
    for (int x = first; x < box.x; ++x) fill(y, x);
    for (int x = box.x + box.width; x < last; ++x) fill(y, x);
  }
  for (int y = box.y + box.height; y < box.y + box.height + margin.bottom; ++y)
    for (int x = first; x < last; ++x) fill(y, x);
}

/// Sums over the filter at every position of `out`, handed to `finish.cell(y, x, p, q)`, which
/// returns a function of (lane, sum of D, sum of Θ). Sums of a row of inputs are kept for as many
/// rows as the filter is high: `src` may be overwritten row by row as results come.
/// \param sums  filter.height · width of the grid · 2 cells
template <int fixed_height, int fixed_width, class Real, class Member, class Finish>
KOKKOS_FUNCTION void box_sums(Member const& team, Plane<Real> const& src, BoxFilter const& filter,
                              Grid out, Shift shift, Real* sums, Finish const& finish) {
  constexpr int lanes = pack_lanes<Real>;
  int const height = fixed_height > 0 ? fixed_height : filter.height;
  int const width = fixed_width > 0 ? fixed_width : filter.width;
  Rectangle const box(out, shift);
  Index const row_size = Index{2} * box.width * lanes;
  for (int j = 0; j < box.height + height - 1; ++j) {
    Index const from = src.cell(box.y + j - filter.margin.top, box.x - filter.margin.left);
    Real const* const d = src.d + from;
    Real const* const t = src.t + from;
    Real* const row = sums + (j % height) * row_size;
    for (int x = 0; x < box.width; ++x) {
      for_pack<Real>(team, [=](int k) {
        Real sum_d = d[x * lanes + k], sum_t = t[x * lanes + k];
        for (int i = 1; i < width; ++i) {
          sum_d += d[(x + i) * lanes + k];
          sum_t += t[(x + i) * lanes + k];
        }
        row[2 * x * lanes + k] = sum_d;
        row[(2 * x + 1) * lanes + k] = sum_t;
      });
    }
    if (j < height - 1) continue;
    int const y = box.y + j - (height - 1);
    for (int x = 0; x < box.width; ++x) {
      Index const p = Index{y} * out.width + box.x + x;
      Index const q = p + Index{shift.y} * out.width + shift.x;
      auto const cell = finish.cell(y, box.x + x, p, q);
      Real const* const column = sums + 2 * x * lanes;
      for_pack<Real>(team, [=](int k) {
        Real sum_d = column[k], sum_t = column[lanes + k];
        for (int i = 1; i < height; ++i) {
          sum_d += column[i * row_size + k];
          sum_t += column[i * row_size + lanes + k];
        }
        cell(k, sum_d, sum_t);
      });
    }
  }
}

/// As box_sums, for the filter as it is. A filter of one position needs no sums.
template <class Real, class Member, class Finish>
KOKKOS_FUNCTION void filter_plane(Member const& team, Plane<Real> const& src,
                                  BoxFilter const& filter, Grid out, Shift shift, Real* sums,
                                  Finish const& finish) {
  if (filter.height == 1 && filter.width == 1) {
    for_each_position(out, shift, [&](int y, int x, Index p, Index q) {
      auto const cell = finish.cell(y, x, p, q);
      Real const* const d = src.d + src.cell(y, x);
      Real const* const t = src.t + src.cell(y, x);
      for_pack<Real>(team, [=](int k) { cell(k, d[k], t[k]); });
    });
  } else if (filter.height == 3 && filter.width == 3) {
    box_sums<3, 3>(team, src, filter, out, shift, sums, finish);
  } else {
    box_sums<0, 0>(team, src, filter, out, shift, sums, finish);
  }
}

/// A convolution alone: D' = scale·ΣD, Θ' = K' + scale·ΣΘ with K' = (q + q')/2 - D'.
template <class Real, bool self>
struct FinishConv {
  Plane<Real> dst;
  PackTables<Real, self> tables;
  Index half_variance;  ///< first slot of q/2 of the output
  Real scale;

  KOKKOS_FORCEINLINE_FUNCTION auto cell(int y, int x, Index p, Index q) const {
    auto const of_row = tables.of_row(half_variance + p);
    Real const* const of_col = tables.of_col(half_variance + q);
    Real* const d = dst.d + dst.cell(y, x);
    Real* const t = dst.t + dst.cell(y, x);
    return [=, factor = scale](int k, Real sum_d, Real sum_t) {
      Real const out = factor * sum_d;
      d[k] = out;
      t[k] = (of_row[k] + of_col[k] - out) + factor * sum_t;
    };
  }
};

/// A convolution and b·max(x, 0), by AbReluDual's formulas in terms of D. Slots: r, then 1/r.
template <class Real, bool self>
struct FinishConvRelu {
  Plane<Real> dst;
  PackTables<Real, self> tables;
  Index scales;  ///< first slot of r; 1/r (0 where r is) comes `positions` later
  Index positions;
  Real scale;       ///< of the convolution
  Real half_slope;  ///< b²/2

  KOKKOS_FORCEINLINE_FUNCTION auto cell(int y, int x, Index p, Index q) const {
    auto const r_row = tables.of_row(scales + p);
    auto const inverse_row = tables.of_row(scales + positions + p);
    Real const* const r_col = tables.of_col(scales + q);
    Real const* const inverse_col = tables.of_col(scales + positions + q);
    Real* const d = dst.d + dst.cell(y, x);
    Real* const t = dst.t + dst.cell(y, x);
    return [=, factor = scale, half = half_slope](int k, Real sum_d, Real sum_t) {
      Real const product = r_row[k] * r_col[k];
      Real const apart = square(r_row[k] - r_col[k]) / 2;
      Real const raw = (factor * sum_d - apart) * (inverse_row[k] * inverse_col[k]);
      Real const h = at_most(at_least(raw, Real(0)), Real(2));  // 1-c
      Real const tangent = factor * sum_t + product * (1 - h);
      Real const y2 = at_most(h, 2 - h) * Real(0.5);
      Real const root = Kokkos::sqrt(y2) * (1 / pi<Real>);
      Real const turn =
          2 * root * detail::polynomial<detail::Coefficients<Real>::arcsine>(y2);  // acos|c|/π
      Real const lift =
          root * y2 * detail::polynomial<detail::Coefficients<Real>::relu_deviation>(y2);
      Real const one_minus = at_most(h, Real(1)) - lift;
      Real const slope = h <= 1 ? 1 - turn : turn;
      d[k] = half * (apart + product * one_minus);
      t[k] = half * (tangent * slope);
    };
  }
};

}  // namespace widelimit::kernels
