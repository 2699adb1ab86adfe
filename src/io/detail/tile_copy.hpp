/// \file
/// Copies of tiles in memory.
#pragma once

#include <algorithm>

#include "widelimit/runtime/types.hpp"

namespace widelimit::io::detail {

/// to (rows x cols, row length to_ld) = from; with `lower`, zero above the diagonal.
template <class Real>
void copy_tile(Index rows, Index cols, Real const* from, Index from_ld, Real* to, Index to_ld,
               bool lower) {
  for (Index i = 0; i < rows; ++i) {
    Index const count = lower ? std::min(i + 1, cols) : cols;
    std::copy_n(from + i * from_ld, count, to + i * to_ld);
    std::fill(to + i * to_ld + count, to + i * to_ld + to_ld, Real{0});
  }
}

/// to (cols x rows, row length to_ld) = from^T, in squares that stay in cache.
template <class Real>
void transpose_tile(Index rows, Index cols, Real const* from, Index from_ld, Real* to,
                    Index to_ld) {
  constexpr Index square = 16;
  for (Index i0 = 0; i0 < rows; i0 += square) {
    Index const i1 = std::min(rows, i0 + square);
    for (Index j0 = 0; j0 < cols; j0 += square) {
      Index const j1 = std::min(cols, j0 + square);
      for (Index j = j0; j < j1; ++j) {
        for (Index i = i0; i < i1; ++i) to[j * to_ld + i] = from[i * from_ld + j];
      }
    }
  }
  for (Index j = 0; j < cols; ++j) std::fill(to + j * to_ld + rows, to + (j + 1) * to_ld, Real{0});
}

}  // namespace widelimit::io::detail
