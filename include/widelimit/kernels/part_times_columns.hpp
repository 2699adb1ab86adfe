/// \file
/// A part of a matrix, its transpose, or both times a few columns, in one pass over its entries. Host
/// code.
#pragma once

#include "widelimit/kernels/split_entries.hpp"
#include "widelimit/kernels/vector_lanes.hpp"

namespace widelimit::kernels {

/// Columns of numbers, column-major.
template <class Real>
struct Columns {
  Real* data;
  Index ld;
};

/// What a pass over a part T adds to.
enum class PartPass {
  rows,     ///< Y_rows += T·X_cols
  columns,  ///< Y_cols += Tᵀ·X_rows
  both
};

/// R rows of a part times K columns; what each entry is loaded for is 2·K multiplications, so that
/// the sums stay in registers for R·K up to 20.
template <int R, int K, PartPass pass, class Entries, class Sum>
inline void strip_times_columns(Entries t, Index ld, Index width, Columns<Sum const> x_cols,
                                Columns<Sum const> x_rows, Columns<Sum> y_rows,
                                Columns<Sum> y_cols) {
  constexpr bool to_rows = pass != PartPass::columns, to_cols = pass != PartPass::rows;
  Lanes<Sum> sums[R][K] = {};
  Sum factor[R][K] = {};
  if constexpr (to_cols) {
    for (int r = 0; r < R; ++r)
      for (int k = 0; k < K; ++k) factor[r][k] = x_rows.data[k * x_rows.ld + r];
  }
  Index j = 0;
  for (; j + lanes<Sum> <= width; j += lanes<Sum>) {
    Lanes<Sum> entries[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      entries[r] = load_converted<Sum>(t + r * ld + j);
      prefetch(t + (r + 2 * R) * ld + j);  // of a strip to come
    }
#pragma GCC unroll 5
    for (int k = 0; k < K; ++k) {
      if constexpr (to_rows) {
        Lanes<Sum> const x = load_lanes(x_cols.data + k * x_cols.ld + j);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) sums[r][k] += entries[r] * x;
      }
      if constexpr (to_cols) {
        Sum* const to = y_cols.data + k * y_cols.ld + j;
        Lanes<Sum> y = load_lanes(to);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) y += entries[r] * factor[r][k];
        store_lanes(to, y);
      }
    }
  }
  Sum tail[R][K] = {};
  for (; j < width; ++j) {
    for (int r = 0; r < R; ++r) {
      Sum const entry = t[r * ld + j];
      for (int k = 0; k < K; ++k) {
        if constexpr (to_rows) tail[r][k] += entry * x_cols.data[k * x_cols.ld + j];
        if constexpr (to_cols) y_cols.data[k * y_cols.ld + j] += entry * factor[r][k];
      }
    }
  }
  if constexpr (!to_rows) return;
  for (int k = 0; k < K; ++k)
    for (int r = 0; r < R; ++r)
      y_rows.data[k * y_rows.ld + r] += sum_lanes<Sum>(sums[r][k]) + tail[r][k];
}

/// Adds a part times columns, sums in `Sum`. One thread. 2·columns flops an entry, 4 with `both`.
/// \param t  height x width, row-major with leading dimension `ld`: a pointer, or SplitEntries
/// \param x_cols, y_rows  of no use to PartPass::columns; x_rows, y_cols: none to PartPass::rows
template <PartPass sides, class Entries, class Sum>
inline void part_times_columns(Entries t, Index ld, Index height, Index width, Index columns,
                               Columns<Sum const> x_cols, Columns<Sum const> x_rows,
                               Columns<Sum> y_rows, Columns<Sum> y_cols) {
  auto const at = [](auto c, Index row, Index col) {
    if (c.data != nullptr) c.data += col * c.ld + row;
    return c;
  };
  // Entries come from memory once: a few rows at a time stay in the second-level cache while passes
  // over all columns of X and Y go by, and those columns in the first while rows do.
  constexpr Index rows_in_cache = 64;
  // Sums of rows fill the registers at 4 x 5; without them more rows share each load of Y_cols.
  constexpr int high = sides == PartPass::columns ? 8 : 4;
  for (Index begin = 0; begin < height; begin += rows_in_cache) {
    Index const end = begin + rows_in_cache < height ? begin + rows_in_cache : height;
    auto const pass = [&]<int R, int K>(Index k) {
      auto const strip = [&]<int rows>(Index i) {
        strip_times_columns<rows, K, sides, Entries, Sum>(t + i * ld, ld, width, at(x_cols, 0, k),
                                                          at(x_rows, i, k), at(y_rows, i, k),
                                                          at(y_cols, 0, k));
      };
      Index i = begin;
      for (; i + R <= end; i += R) strip.template operator()<R>(i);
      for (; i < end; ++i) strip.template operator()<1>(i);
      return k + K;
    };
    Index k = 0;
    while (columns - k > 4 && (columns - k) % 4 != 0) k = pass.template operator()<high, 5>(k);
    while (columns - k >= 4) k = pass.template operator()<high, 4>(k);
    if (columns - k >= 2) k = pass.template operator()<high, 2>(k);
    if (columns > k) pass.template operator()<8, 1>(k);
  }
}

}  // namespace widelimit::kernels
