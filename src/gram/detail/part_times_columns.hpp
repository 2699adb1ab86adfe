/// \file
/// A part of a matrix, and its transpose, times a few columns, in one pass over its entries.
#pragma once

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <Kokkos_Core.hpp>

#include "widelimit/runtime/types.hpp"

namespace widelimit::gram::detail {

/// Columns of doubles, column-major.
template <class Double>
struct Columns {
  Double* data;
  Index ld;
};

// Eight lanes, whatever the machine has: the compiler splits them. Lines of a matrix are not
// aligned.
using Lanes = double __attribute__((vector_size(64)));
using LanesInMemory = double __attribute__((vector_size(64), aligned(8), may_alias));
using HalfLanesInMemory = float __attribute__((vector_size(32), aligned(4), may_alias));
inline constexpr Index lanes = 8;

KOKKOS_FORCEINLINE_FUNCTION Lanes load_lanes(double const* p) {
  return *reinterpret_cast<LanesInMemory const*>(p);
}
KOKKOS_FORCEINLINE_FUNCTION Lanes load_lanes(float const* p) {
#ifdef __AVX512F__  // one instruction, of which GCC 12 makes four
  return _mm512_maskz_cvtps_pd(0xFF, _mm256_loadu_ps(p));
#else
  return __builtin_convertvector(*reinterpret_cast<HalfLanesInMemory const*>(p), Lanes);
#endif
}
KOKKOS_FORCEINLINE_FUNCTION double sum_lanes(Lanes const& v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/// R rows of a part times K columns; what each entry is loaded for is 2·K multiplications, so that
/// the sums stay in registers for R·K up to 16.
template <int R, int K, bool both, class Real>
inline void strip_times_columns(Real const* t, Index ld, Index width, Columns<double const> x_cols,
                                Columns<double const> x_rows, Columns<double> y_rows,
                                Columns<double> y_cols) {
  Lanes sums[R][K] = {};
  double factor[R][K] = {};
  if constexpr (both) {
    for (int r = 0; r < R; ++r)
      for (int k = 0; k < K; ++k) factor[r][k] = x_rows.data[k * x_rows.ld + r];
  }
  Index j = 0;
  for (; j + lanes <= width; j += lanes) {
    Lanes entries[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) entries[r] = load_lanes(t + r * ld + j);
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) {
      Lanes const x = load_lanes(x_cols.data + k * x_cols.ld + j);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sums[r][k] += entries[r] * x;
      if constexpr (both) {
        double* const to = y_cols.data + k * y_cols.ld + j;
        Lanes y = load_lanes(to);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) y += entries[r] * factor[r][k];
        *reinterpret_cast<LanesInMemory*>(to) = y;
      }
    }
  }
  double tail[R][K] = {};
  for (; j < width; ++j) {
    for (int r = 0; r < R; ++r) {
      double const entry = t[r * ld + j];
      for (int k = 0; k < K; ++k) {
        tail[r][k] += entry * x_cols.data[k * x_cols.ld + j];
        if constexpr (both) y_cols.data[k * y_cols.ld + j] += entry * factor[r][k];
      }
    }
  }
  for (int k = 0; k < K; ++k)
    for (int r = 0; r < R; ++r)
      y_rows.data[k * y_rows.ld + r] += sum_lanes(sums[r][k]) + tail[r][k];
}

/// Y_rows += T·X_cols and, with `both`, Y_cols += Tᵀ·X_rows, sums in double. One thread.
/// \param t  height x width, row-major with leading dimension `ld`
template <bool both, class Real>
inline void part_times_columns(Real const* t, Index ld, Index height, Index width, Index columns,
                               Columns<double const> x_cols, Columns<double const> x_rows,
                               Columns<double> y_rows, Columns<double> y_cols) {
  auto const at = [](auto c, Index row, Index col) {
    c.data += col * c.ld + row;
    return c;
  };
  // A few columns of X and Y stay in the first-level cache while all rows pass.
  auto const pass = [&]<int R, int K>(Index k) {
    auto const strip = [&]<int rows>(Index i) {
      strip_times_columns<rows, K, both>(t + i * ld, ld, width, at(x_cols, 0, k), at(x_rows, i, k),
                                         at(y_rows, i, k), at(y_cols, 0, k));
    };
    Index i = 0;
    for (; i + R <= height; i += R) strip.template operator()<R>(i);
    for (; i < height; ++i) strip.template operator()<1>(i);
    return k + K;
  };
  Index k = 0;
  while (columns - k >= 4) k = pass.template operator()<4, 4>(k);
  if (columns - k >= 2) k = pass.template operator()<4, 2>(k);
  if (columns > k) pass.template operator()<8, 1>(k);
}

}  // namespace widelimit::gram::detail
