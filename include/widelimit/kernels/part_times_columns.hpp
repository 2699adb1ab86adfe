/// \file
/// A part of a matrix, its transpose, or both times a few columns. Host code.
#pragma once

#include <algorithm>

#include "widelimit/kernels/split_entries.hpp"
#include "widelimit/kernels/vector_lanes.hpp"

namespace widelimit::kernels {

/// Columns of numbers, column-major.
template <class Real>
struct Columns {
  Real* data;
  Index ld;

  Columns at(Index row, Index col) const {
    return {data == nullptr ? data : data + col * ld + row, ld};
  }
};

/// What a pass over a part T adds to.
enum class PartPass {
  rows,     ///< Y_rows += T·X_cols
  columns,  ///< Y_cols += Tᵀ·X_rows
  both
};

namespace detail {

// Entries come from memory once: a block stays in the second-level cache while passes over all
// columns of X and Y go by, and its width of five columns in the first. Meanwhile the block below is
// fetched: of each four rows and vectors one with another pass, as memory cannot give all at once.
inline constexpr Index block_height = 64, block_width = 512;

/// Adds R rows times K columns to y; sums stay in registers for R·K up to 20.
template <int R, int K, class Entries, class Sum>
inline void add_rows(unsigned pass, Entries t, Index ld, Index width, Columns<Sum const> x,
                     Columns<Sum> y) {
  Lanes<Sum> sums[K][R] = {};
  Index j = 0;
  for (; j + lanes<Sum> <= width; j += lanes<Sum>) {
    Lanes<Sum> entries[R];
    prefetch(t + (block_height + ((j / lanes<Sum> ^ pass) & 3)) * ld + j);
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) entries[r] = load_converted<Sum>(t + r * ld + j);
#pragma GCC unroll 5
    for (int k = 0; k < K; ++k) {
      Lanes<Sum> const from = load_lanes(x.data + k * x.ld + j);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) sums[k][r] += entries[r] * from;
    }
  }
#pragma GCC unroll 5
  for (int k = 0; k < K; ++k) {
    Sum* const to = y.data + k * y.ld;
    if constexpr (R == 4) {
      add_lanes_of_four(sums[k], to);
    } else {
      for (int r = 0; r < R; ++r) to[r] += sum_lanes<Sum>(sums[k][r]);
    }
  }
  for (; j < width; ++j)
    for (int k = 0; k < K; ++k)
      for (int r = 0; r < R; ++r) y.data[k * y.ld + r] += t[r * ld + j] * x.data[k * x.ld + j];
}

/// Adds V vectors of lanes of each row, transposed, times K columns to y; sums stay in registers
/// for V·K up to 20.
template <int V, int K, class Entries, class Sum>
inline void add_lanes(unsigned pass, Entries t, Index ld, Index height, Columns<Sum const> x,
                      Columns<Sum> y) {
  Lanes<Sum> sums[K][V];
  for (int k = 0; k < K; ++k)
    for (int v = 0; v < V; ++v) sums[k][v] = load_lanes(y.data + k * y.ld + v * lanes<Sum>);
  for (Index i = 0; i < height; ++i) {
    Lanes<Sum> entries[V];
    prefetch(t + (block_height + i) * ld + ((i ^ pass) & 3) * lanes<Sum>);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) entries[v] = load_converted<Sum>(t + i * ld + v * lanes<Sum>);
#pragma GCC unroll 5
    for (int k = 0; k < K; ++k) {
      Sum const factor = x.data[k * x.ld + i];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[k][v] += entries[v] * factor;
    }
  }
  for (int k = 0; k < K; ++k)
    for (int v = 0; v < V; ++v) store_lanes(y.data + k * y.ld + v * lanes<Sum>, sums[k][v]);
}

/// Calls f.operator()<count>(first) for 0 ≤ first < n, by `most` (5 or 4) and what fits the rest.
template <int most, class F>
inline void in_groups(Index n, F const& f) {
  Index k = 0;
  if constexpr (most == 5)
    for (; n - k > 4 && (n - k) % 4 != 0; k += 5) f.template operator()<5>(k);
  for (; n - k >= 4; k += 4) f.template operator()<4>(k);
  for (; n - k >= 2; k += 2) f.template operator()<2>(k);
  if (k < n) f.template operator()<1>(k);
}

}  // namespace detail

/// Adds a part times columns, sums in `Sum`. One thread. 2·columns flops an entry, 4 with `both`.
/// \param t  height x width, row-major with leading dimension `ld`: a pointer, or SplitEntries
/// \param x_cols, y_rows  of no use to PartPass::columns; x_rows, y_cols: none to PartPass::rows
template <PartPass sides, class Entries, class Sum>
inline void part_times_columns(Entries t, Index ld, Index height, Index width, Index columns,
                               Columns<Sum const> x_cols, Columns<Sum const> x_rows,
                               Columns<Sum> y_rows, Columns<Sum> y_cols) {
  auto const add_block = [&](Index row, Index rows, Index col, Index cols) {
    Entries const block = t + row * ld + col;
    unsigned pass = 0;
    if constexpr (sides != PartPass::columns) {
      detail::in_groups<5>(columns, [&]<int K>(Index k) {
        detail::in_groups<4>(rows, [&]<int R>(Index i) {
          detail::add_rows<R, K>(pass, block + i * ld, ld, cols, x_cols.at(col, k),
                                 y_rows.at(row + i, k));
        });
        ++pass;
      });
    }
    if constexpr (sides != PartPass::rows) {
      Index const whole = cols / lanes<Sum>;
      detail::in_groups<5>(columns, [&]<int K>(Index k) {
        detail::in_groups<4>(whole, [&]<int V>(Index v) {
          Index const j = v * lanes<Sum>;
          detail::add_lanes<V, K>(pass, block + j, ld, rows, x_rows.at(row, k),
                                  y_cols.at(col + j, k));
        });
        ++pass;
      });
      for (Index k = 0; k < columns; ++k)
        for (Index i = 0; i < rows; ++i)
          for (Index j = whole * lanes<Sum>; j < cols; ++j)
            *y_cols.at(col + j, k).data += block[i * ld + j] * *x_rows.at(row + i, k).data;
    }
  };
  for (Index row = 0; row < height; row += detail::block_height)
    for (Index col = 0; col < width; col += detail::block_width)
      add_block(row, std::min(detail::block_height, height - row), col,
                std::min(detail::block_width, width - col));
}

}  // namespace widelimit::kernels
