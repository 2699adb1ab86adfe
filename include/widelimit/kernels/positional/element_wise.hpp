/// \file
/// Element-wise functions on planes, and recurrences of them over the positions of a sequence.
///
/// Slots of a function, each one for every position: r = √q, 1/r (0 where r is), r of the output,
/// then the coefficients of its dual. Of a recurrence before these: half the variance of its sum,
/// half the variance of its output.
#pragma once

#include "widelimit/kernels/block_rules.hpp"
#include "widelimit/kernels/positional/plane_program.hpp"

namespace widelimit::kernels {

/// Blocks of a pack that element-wise functions work in.
inline constexpr int n_pack_blocks = 5;

namespace detail {

/// The three scales of both sides of one pair of positions.
template <class Real, bool self>
struct Scales {
  using Row = decltype(PackTables<Real, self>{}.of_row(0));
  Row r_row, inverse_row, out_row;
  Real const *r_col, *inverse_col, *out_col;

  KOKKOS_FORCEINLINE_FUNCTION Scales(PackTables<Real, self> const& tables, Index slot,
                                     Index positions, Index p, Index q)
      : r_row(tables.of_row(slot + p)),
        inverse_row(tables.of_row(slot + positions + p)),
        out_row(tables.of_row(slot + 2 * positions + p)),
        r_col(tables.of_col(slot + q)),
        inverse_col(tables.of_col(slot + positions + q)),
        out_col(tables.of_col(slot + 2 * positions + q)) {}

  /// The correlation form of (D, Θ): 1-c = (D - (r-r')²/2)/(rr').
  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> enter(int k, Real d, Real t) const {
    Real const inverse = inverse_row[k] * inverse_col[k];
    Real const raw = (d - square(r_row[k] - r_col[k]) / 2) * inverse;
    Real const h = at_most(at_least(raw, Real(0)), Real(2));
    return {1 - h, at_most(h, 2 - h), t * inverse};
  }
  KOKKOS_FORCEINLINE_FUNCTION Real leave_d(int k, Real one_minus) const {
    return square(out_row[k] - out_col[k]) / 2 + out_row[k] * out_col[k] * one_minus;
  }
  KOKKOS_FORCEINLINE_FUNCTION Real leave_t(int k, Real t) const {
    return out_row[k] * out_col[k] * t;
  }
};

// Structs, as compilers decline to inline lambdas of this size.

/// A dual without a refined defect: (D, Θ) in place.
template <class Dual, class Real, bool self>
struct ApplyOnPair {
  Dual f;
  PackTables<Real, self> tables;
  Scales<Real, self> scales;
  Index row_slot, col_slot, stride;
  Real *d, *t;

  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const {
    Entry<Real> const out = f(scales.enter(k, d[k], t[k]), tables.row_point(row_slot, stride, k),
                              tables.col_point(col_slot, stride, k));
    Real const one_minus = out.c >= 0 ? out.e : 2 - out.e;
    d[k] = scales.leave_d(k, one_minus);
    t[k] = scales.leave_t(k, out.t);
  }
};

/// A dual with one: input and output to blocks.
template <class Dual, class Real, bool self>
struct ApplyToBlocks {
  Dual f;
  PackTables<Real, self> tables;
  Scales<Real, self> scales;
  Index row_slot, col_slot, stride;
  Real const *d, *t;
  Block<Real> in, out;

  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const {
    Entry<Real> const entry = scales.enter(k, d[k], t[k]);
    in.store(k, entry);
    out.store(
        k, f(entry, tables.row_point(row_slot, stride, k), tables.col_point(col_slot, stride, k)));
  }
};

template <class Dual, class Real, bool self>
struct RefinePair {
  Dual f;
  PackTables<Real, self> tables;
  Index row_slot, col_slot, stride;
  Block<Real> in, out;

  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const {
    Real const c_in = in.c[k], e_in = in.e[k], c_out = out.c[k], e_out = out.e[k];
    Entry<Real> const before{c_in, e_in, 0}, after{c_out, e_out, 0};
    Real const e = f.refined_defect(before, after, tables.row_point(row_slot, stride, k),
                                    tables.col_point(col_slot, stride, k));
    Real const inside = e > 0 ? e : Real(0);
    out.e[k] = select(e_out < coarse_defect<Real>, inside, e_out);
  }
};

template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Block<Real> pack_block(Real* blocks, int index) {
  constexpr int lanes = pack_lanes<Real>;
  Real* const first = blocks + 3 * lanes * index;
  return {first, first + lanes, first + 2 * lanes};
}

}  // namespace detail

/// Runs an element-wise operation on the plane in place.
template <class Real, bool self>
struct ElementWise {
  static constexpr int lanes = pack_lanes<Real>;

  PlaneOp<Real> const& op;
  PackTables<Real, self> tables;
  Plane<Real> plane;
  Shift shift;
  Real const* numbers;
  Real* blocks;  ///< n_pack_blocks of them

  template <class Member>
  KOKKOS_FUNCTION void run(Member const& team) const {
    switch (op.kind) {
      case PlaneOpKind::dual:
        return op.dual.visit([&](auto const& dual) {
          for_cells(team, [&](Index cell, Index p, Index q) { apply(team, dual, cell, p, q); });
        });
      default:
        return for_cells(team,
                         [&](Index cell, Index p, Index q) { apply_blocks(team, cell, p, q); });
    }
  }

 private:
  template <class Member, class F>
  KOKKOS_FORCEINLINE_FUNCTION void for_cells(Member const& team, F const& f) const {
    for_each_position(op.out, shift, [&](int y, int x, Index p, Index q) {
      Index const cell = plane.cell(y, x);
      if (op.recurrent) recur(team, cell, p, q);
      f(cell, p, q);
    });
  }

  KOKKOS_FORCEINLINE_FUNCTION Index positions() const { return op.out.count(); }

  /// Σ = w²Φ(p-1, q-1) + u²(input) + b², whose Θ gains K; before the first position activations are
  /// zero.
  template <class Member>
  KOKKOS_FUNCTION void recur(Member const& team, Index cell, Index p, Index q) const {
    Real const w2 = op.scale, u2 = op.more;
    Index const half_sum = op.slot_in, half_out = op.slot_in + positions();
    auto const of_row = tables.of_row(half_sum + p);
    Real const* const of_col = tables.of_col(half_sum + q);
    Real* const d = plane.d + cell;
    Real* const t = plane.t + cell;
    auto const finish = [=](int k, Real d_before, Real t_before) {
      Real const sum = w2 * d_before + u2 * d[k];
      d[k] = sum;
      t[k] = (of_row[k] + of_col[k] - sum) + w2 * t_before + u2 * t[k];
    };
    if (p > 0 && q > 0) {
      for_pack<Real>(team, [=](int k) { finish(k, d[k - lanes], t[k - lanes]); });
    } else if (p > 0) {
      auto const before = tables.of_row(half_out + p - 1);
      for_pack<Real>(team, [=](int k) { finish(k, before[k], Real(0)); });
    } else if (q > 0) {
      Real const* const before = tables.of_col(half_out + q - 1);
      for_pack<Real>(team, [=](int k) { finish(k, before[k], Real(0)); });
    } else {
      for_pack<Real>(team, [=](int k) { finish(k, Real(0), Real(0)); });
    }
  }

  template <class Member, class Dual>
  KOKKOS_FORCEINLINE_FUNCTION void apply(Member const& team, Dual const& dual, Index cell, Index p,
                                         Index q) const {
    detail::Scales<Real, self> const scales(tables, op.slot_out, positions(), p, q);
    Index const first = op.slot_out + 3 * positions();
    if constexpr (requires { dual.refined_defect({}, {}, {}, {}); }) {
      auto const in = detail::pack_block(blocks, 0), out = detail::pack_block(blocks, 1);
      for_pack<Real>(team, detail::ApplyToBlocks<Dual, Real, self>{
                               dual, tables, scales, first + p, first + q, positions(),
                               plane.d + cell, plane.t + cell, in, out});
      if (detail::count_coarse(team, lanes, out.e) > 0)
        for_pack<Real>(team, detail::RefinePair<Dual, Real, self>{dual, tables, first + p,
                                                                  first + q, positions(), in, out});
      leave(team, scales, out, cell);
    } else {
      for_pack<Real>(
          team, detail::ApplyOnPair<Dual, Real, self>{dual, tables, scales, first + p, first + q,
                                                      positions(), plane.d + cell, plane.t + cell});
    }
  }

  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION void leave(Member const& team,
                                         detail::Scales<Real, self> const& scales, Block<Real> out,
                                         Index cell) const {
    Real* const d = plane.d + cell;
    Real* const t = plane.t + cell;
    for_pack<Real>(team, [=](int k) {
      Real const one_minus = out.c[k] >= 0 ? out.e[k] : 2 - out.e[k];
      d[k] = scales.leave_d(k, one_minus);
      t[k] = scales.leave_t(k, out.t[k]);
    });
  }

  /// Functions whose coefficients differ in number: the operations on blocks of entry programs. They
  /// take one row point; where each lane has its own they are called lane by lane.
  template <class Member>
  KOKKOS_FUNCTION void apply_blocks(Member const& team, Index cell, Index p, Index q) const {
    detail::Scales<Real, self> const scales(tables, op.slot_out, positions(), p, q);
    Index const first = op.slot_out + 3 * positions();
    auto const in = detail::pack_block(blocks, 0);
    Real const* const d = plane.d + cell;
    Real const* const t = plane.t + cell;
    for_pack<Real>(team, [=](int k) { in.store(k, scales.enter(k, d[k], t[k])); });
    if constexpr (self) {
      for (int k = 0; k < lanes; ++k) apply_blocks(team, k, 1, first, p, q);
    } else {
      apply_blocks(team, 0, lanes, first, p, q);
    }
    leave(team, scales, in, cell);
  }

  template <class Member>
  KOKKOS_FUNCTION void apply_blocks(Member const& team, int lane, int n, Index first, Index p,
                                    Index q) const {
    auto const block = [&](int index) {
      auto const whole = detail::pack_block(blocks, index);
      return Block<Real>{whole.c + lane, whole.e + lane, whole.t + lane};
    };
    auto const row = tables.row_point(first + p, positions(), lane);
    auto const col = tables.col_point(first + q, positions(), lane);
    detail::Rule<Real> const rule{numbers + op.numbers, op.count};
    auto const in = block(0);
    switch (op.kind) {
      case PlaneOpKind::series:
        return detail::series(team, n, op.count, in, in, block(1), block(2), row, col);
      case PlaneOpKind::kinked:
        return detail::kinked(team, n, op.fn, rule, in, in, block(1), row, col);
      default:
        return detail::quadrature(team, n, op.fn, rule, in, in, block(1), row, col);
    }
  }
};

}  // namespace widelimit::kernels
