/// \file
/// A network compiled to a flat list of operations on correlation entries, run on one block of a
/// row of a tile.
///
/// The operations run one after the other over a block of entries that stays in cache (scratch
/// memory on a GPU); within an operation the loop over entries is vectorised. Registers hold a
/// block of entries each.
#pragma once

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/block_operations.hpp"
#include "widelimit/kernels/block_rules.hpp"
#include "widelimit/kernels/dual_union.hpp"

namespace widelimit::kernels {

enum class OpKind {
  affine,      ///< dense with bias: branch of weight a and a constant of weight β; Θ gains K
  tangent,     ///< dense without bias: Θ gains K
  dual,        ///< element-wise function of DualUnion; with `number` = 1 Θ gains K as well
  series,      ///< element-wise function by its Hermite series
  quadrature,  ///< element-wise function by a Gauss–Hermite product rule
  kinked,      ///< elu or selu by a rule over the angle, see kinked.hpp
  sum_first,   ///< begins Σ w w' (branch): register dst = weighted src, its defect held as 1-c
  sum_next,    ///< adds a weighted branch
  sum_end,     ///< turns 1-c back to 1-|c|
  product,     ///< dst = dst·src
  dropout      ///< independent masks: c and Θ̂ times the keep probability
};

template <class Real>
struct Op {
  OpKind kind;
  int dst, src;
  Index coefficients;  ///< first row of this operation in the points' coefficient tables
  int n_terms;         ///< series: terms; quadrature: points per axis; kinked: points
  Real number;         ///< dropout: keep probability; dual: see OpKind
  network::NumericalFunction fn;
  Index table;  ///< quadrature, kinked: where the nodes (then weights) begin in `tables`
  DualUnion<Real> dual;
};

/// Blocks of scratch beside the registers.
inline constexpr int n_work_blocks = 2;

template <class Real>
struct EntryProgram {
  Op<Real> const* ops;
  int n_ops;
  int n_registers;
  int output;
  bool initial_tangent;  ///< Θ = K at the start: a first dense layer without bias
  Real const* tables;

  /// Runs all operations on `n` entries of one row. Register 0 holds the inputs' correlations.
  /// \param registers  scratch: n_registers + n_work_blocks blocks of `width` entries
  /// \param row, col   coefficient tables of the row's point and of the first column's point
  template <class Member>
  KOKKOS_FUNCTION void run(Member const& team, int n, Real* registers, int width, Point<Real> row,
                           Point<Real> col) const {
    for (int o = 0; o < n_ops; ++o) {
      Op<Real> const& op = ops[o];
      Block<Real> const src = block(registers, width, op.src);
      Block<Real> const dst = block(registers, width, op.dst);
      Point<Real> const at_row{row.data + op.coefficients * row.stride, row.stride};
      Point<Real> const at_col{col.data + op.coefficients * col.stride, col.stride};
      switch (op.kind) {
        case OpKind::dual:
          op.dual.visit([&](auto const& dual) {
            detail::apply_dual(team, n, dual, op.number, src, dst,
                               block(registers, width, n_registers), at_row, at_col);
          });
          break;
        case OpKind::tangent:
          detail::tangent(team, n, src, dst);
          break;
        case OpKind::affine:
          detail::affine(team, n, src, dst, at_row, at_col);
          break;
        case OpKind::sum_first:
        case OpKind::sum_next:
          detail::add_branch(team, n, src, dst, at_row, at_col, op.kind == OpKind::sum_first);
          break;
        case OpKind::sum_end:
          for_each_lane(team, n, [=](int k) {
            Real const c = dst.c[k], one_minus = dst.e[k];
            Real const e = c >= 0 ? one_minus : 1 + c;
            dst.e[k] = e > 0 ? e : Real(0);
          });
          break;
        case OpKind::product:
          for_each_lane(team, n, [=](int k) {
            Entry<Real> const x = src.load(k), y = dst.load(k);
            dst.store(k, {x.c * y.c, x.e + y.e - x.e * y.e, x.t * y.c + x.c * y.t});
          });
          break;
        case OpKind::dropout: {
          Real const keep = op.number;
          for_each_lane(team, n, [=](int k) {
            Entry<Real> const x = src.load(k);
            dst.store(k, {keep * x.c, (1 - keep) + keep * x.e, keep * x.t});
          });
          break;
        }
        case OpKind::series:
          detail::series(team, n, op.n_terms, src, dst, block(registers, width, n_registers),
                         block(registers, width, n_registers + 1), at_row, at_col);
          break;
        case OpKind::kinked:
          detail::kinked(team, n, op.fn, detail::Rule<Real>{tables + op.table, op.n_terms}, src,
                         dst, block(registers, width, n_registers), at_row, at_col);
          break;
        case OpKind::quadrature:
          detail::quadrature(team, n, op.fn, detail::Rule<Real>{tables + op.table, op.n_terms}, src,
                             dst, block(registers, width, n_registers), at_row, at_col);
          break;
      }
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION static Block<Real> block(Real* registers, int width, int index) {
    Real* const first = registers + Index{3} * width * index;
    return {first, first + width, first + 2 * width};
  }
};

}  // namespace widelimit::kernels
