/// \file
/// Products of matrices over positions for every pair of a pack at once: each element is a vector
/// over the pack.
#pragma once

#include "widelimit/kernels/positional/plane_program.hpp"
#include "widelimit/kernels/vector_lanes.hpp"

namespace widelimit::kernels {

namespace detail {

/// Sums a block of rows x cols products over `n` terms in registers and stores it.
/// \param g, v  first elements; steps from row to row of the block (g), column to column (v), term to
///              term (both). With `broadcast` g holds one number for all lanes instead of vectors.
template <int rows, int cols, bool broadcast, class Real>
struct ProductBlock {
  Real const* g;
  Index g_row, g_term;
  Real const* v;
  Index v_col, v_term;
  Real* out;
  Index out_row, out_col;
  int n;

  /// One lane with Number = Real, all of them with a vector of lanes.
  template <class Number, class InMemory>
  KOKKOS_FORCEINLINE_FUNCTION void sum(int k) const {
    auto const load = [](Real const* p) { return Number{*reinterpret_cast<InMemory const*>(p)}; };
    Number sums[rows][cols] = {};
    for (int t = 0; t < n; ++t) {
      Number factors[rows];
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) {
        Real const* const at = g + i * g_row + t * g_term;
        if constexpr (broadcast)
          factors[i] = Number{} + *at;
        else
          factors[i] = load(at + k);
      }
#pragma GCC unroll 4
      for (int j = 0; j < cols; ++j) {
        Number const value = load(v + j * v_col + t * v_term + k);
#pragma GCC unroll 4
        for (int i = 0; i < rows; ++i) sums[i][j] += factors[i] * value;
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < cols; ++j)
        *reinterpret_cast<InMemory*>(out + i * out_row + j * out_col + k) = sums[i][j];
  }

  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION void run(Member const& team) const {
    if constexpr (works_alone<Member>) {
      // Loops over lanes around loops over terms are not vectorised: whole vectors by hand. The
      // compiler splits them where the machine has shorter ones.
      (void)team;
      constexpr auto step = static_cast<int>(kernels::lanes<Real>);
      KOKKOS_IF_ON_HOST((for (int k = 0; k < pack_lanes<Real>; k += step)
                             sum<Lanes<Real>, LanesInMemory<Real>>(k);))
    } else {
      for_pack<Real>(team, [&](int k) { sum<Real, Real>(k); });
    }
  }
};

/// out(i, j) = Σ_t g(i, t) v(t, j), `rows` x `cols`, all vectors over the pack but for g with
/// `broadcast`.
template <bool broadcast, class Real, class Member>
KOKKOS_FUNCTION void multiply_packs(Member const& team,
                                    ProductBlock<1, 1, broadcast, Real> const& of, int rows,
                                    int cols) {
  constexpr int side = 4;
  auto const block = [&]<int height, int width>(int i, int j) {
    ProductBlock<height, width, broadcast, Real>{of.g + i * of.g_row,
                                                 of.g_row,
                                                 of.g_term,
                                                 of.v + j * of.v_col,
                                                 of.v_col,
                                                 of.v_term,
                                                 of.out + i * of.out_row + j * of.out_col,
                                                 of.out_row,
                                                 of.out_col,
                                                 of.n}
        .run(team);
  };
  for (int j = 0; j < cols; j += side) {
    for (int i = 0; i < rows; i += side) {
      if (i + side <= rows && j + side <= cols) {
        block.template operator()<side, side>(i, j);
        continue;
      }
      for (int a = i; a < rows && a < i + side; ++a)
        for (int b = j; b < cols && b < j + side; ++b) block.template operator()<1, 1>(a, b);
    }
  }
}

}  // namespace detail

/// out = G·V·Gᵀ for D and for Θ, see SandwichOp.
template <class Real, bool self>
struct Sandwich {
  static constexpr int lanes = pack_lanes<Real>;

  SandwichOp const& op;
  PackTables<Real, self> tables;
  PairTensor const* tensors;
  Real* memory;  ///< of the tensors
  Real const* numbers;

  template <class Member>
  KOKKOS_FUNCTION void run(Member const& team) const {
    PairTensor const& in = tensors[op.in];
    PairTensor const& out = tensors[op.out];
    int const n = in.grid.count(), m = out.grid.count();
    Real* const work = memory + tensors[op.work].offset * lanes;
    for (int part = 0; part < 2; ++part) {
      Real* const from = memory + (in.offset + part * in.cells) * lanes;
      Real* const to = memory + (out.offset + part * out.cells) * lanes;
      if (part == 0 || op.alpha != 1 || op.beta != 0) embed(team, from, n, part == 0);
      // G may hold vectors for the row points, too.
      constexpr Index step = self ? lanes : 1;
      detail::multiply_packs<!self>(team,
                                    detail::ProductBlock<1, 1, !self, Real>{
                                        tables.row + op.slot * step, n * step, step, from, lanes,
                                        Index{n} * lanes, work, Index{n} * lanes, lanes, n},
                                    m, n);
      // Y(b, a) = Σ G(b, q) X(a, q), stored transposed.
      detail::multiply_packs<false>(team,
                                    detail::ProductBlock<1, 1, false, Real>{
                                        tables.of_col(op.slot), Index{n} * lanes, lanes, work,
                                        Index{n} * lanes, lanes, to, lanes, Index{m} * lanes, n},
                                    m, m);
    }
  }

 private:
  /// D to αK + βR, Θ to αΘ + βR.
  template <class Member>
  KOKKOS_FUNCTION void embed(Member const& team, Real* values, int n, bool distances) const {
    auto const alpha = static_cast<Real>(op.alpha), beta = static_cast<Real>(op.beta);
    for (int p = 0; p < n; ++p) {
      auto const h_row = tables.of_row(op.half_variance + p);
      for (int q = 0; q < n; ++q) {
        Real const embedding =
            op.beta == 0 ? Real(0) : beta * numbers[op.numbers + Index{p} * n + q];
        Real* const value = values + (Index{p} * n + q) * lanes;
        Real const* const h_col = tables.of_col(op.half_variance + q);
        if (distances) {
          for_pack<Real>(team, [=](int k) {
            value[k] = alpha * (h_row[k] + h_col[k] - value[k]) + embedding;
          });
        } else {
          for_pack<Real>(team, [=](int k) { value[k] = alpha * value[k] + embedding; });
        }
      }
    }
  }
};

}  // namespace widelimit::kernels
