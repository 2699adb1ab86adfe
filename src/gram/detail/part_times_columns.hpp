/// \file
/// A part of a matrix, and its transpose, times a few columns, in one pass over its entries.
#pragma once

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <Kokkos_Core.hpp>

#include "widelimit/runtime/types.hpp"

namespace widelimit::gram::detail {

/// Columns of numbers, column-major.
template <class Real>
struct Columns {
  Real* data;
  Index ld;
};

// 64 bytes of lanes, whatever the machine has: the compiler splits them. Lines of a matrix are not
// aligned.
template <class Real>
struct LanesOf;
template <>
struct LanesOf<double> {
  using Value = double __attribute__((vector_size(64)));
  using InMemory = double __attribute__((vector_size(64), aligned(8), may_alias));
};
template <>
struct LanesOf<float> {
  using Value = float __attribute__((vector_size(64)));
  using InMemory = float __attribute__((vector_size(64), aligned(4), may_alias));
};
template <class Real>
using Lanes = typename LanesOf<Real>::Value;
template <class Real>
inline constexpr Index lanes = 64 / sizeof(Real);

template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Lanes<Real> load_lanes(Real const* p) {
  return *reinterpret_cast<typename LanesOf<Real>::InMemory const*>(p);
}
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION void store_lanes(Real* p, Lanes<Real> const& v) {
  *reinterpret_cast<typename LanesOf<Real>::InMemory*>(p) = v;
}
/// Entries in the precision of the sums.
template <class Sum, class Real>
KOKKOS_FORCEINLINE_FUNCTION Lanes<Sum> load_entries(Real const* p) {
  if constexpr (std::is_same_v<Sum, Real>) {
    return load_lanes(p);
  } else {
#ifdef __AVX512F__  // one instruction, of which GCC 12 makes four
    return _mm512_maskz_cvtps_pd(0xFF, _mm256_loadu_ps(p));
#else
    using Half = float __attribute__((vector_size(32), aligned(4), may_alias));
    return __builtin_convertvector(*reinterpret_cast<Half const*>(p), Lanes<double>);
#endif
  }
}
/// By halves, as it is done fastest.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real sum_lanes(Lanes<Real> const& v) {
  Real part[lanes<Real>];
  for (Index i = 0; i < lanes<Real>; ++i) part[i] = v[i];
  for (Index half = lanes<Real> / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) part[i] += part[i + half];
  return part[0];
}

/// R rows of a part times K columns; what each entry is loaded for is 2·K multiplications, so that
/// the sums stay in registers for R·K up to 20.
template <int R, int K, bool both, class Real, class Sum>
inline void strip_times_columns(Real const* t, Index ld, Index width, Columns<Sum const> x_cols,
                                Columns<Sum const> x_rows, Columns<Sum> y_rows,
                                Columns<Sum> y_cols) {
  Lanes<Sum> sums[R][K] = {};
  Sum factor[R][K] = {};
  if constexpr (both) {
    for (int r = 0; r < R; ++r)
      for (int k = 0; k < K; ++k) factor[r][k] = x_rows.data[k * x_rows.ld + r];
  }
  Index j = 0;
  for (; j + lanes<Sum> <= width; j += lanes<Sum>) {
    Lanes<Sum> entries[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      entries[r] = load_entries<Sum>(t + r * ld + j);
      __builtin_prefetch(t + (r + 2 * R) * ld + j);  // of a strip to come
    }
#pragma GCC unroll 5
    for (int k = 0; k < K; ++k) {
      Lanes<Sum> const x = load_lanes(x_cols.data + k * x_cols.ld + j);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sums[r][k] += entries[r] * x;
      if constexpr (both) {
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
        tail[r][k] += entry * x_cols.data[k * x_cols.ld + j];
        if constexpr (both) y_cols.data[k * y_cols.ld + j] += entry * factor[r][k];
      }
    }
  }
  for (int k = 0; k < K; ++k)
    for (int r = 0; r < R; ++r)
      y_rows.data[k * y_rows.ld + r] += sum_lanes<Sum>(sums[r][k]) + tail[r][k];
}

/// Y_rows += T·X_cols and, with `both`, Y_cols += Tᵀ·X_rows, sums in `Sum`. One thread.
/// \param t  height x width, row-major with leading dimension `ld`
template <bool both, class Real, class Sum>
inline void part_times_columns(Real const* t, Index ld, Index height, Index width, Index columns,
                               Columns<Sum const> x_cols, Columns<Sum const> x_rows,
                               Columns<Sum> y_rows, Columns<Sum> y_cols) {
  auto const at = [](auto c, Index row, Index col) {
    c.data += col * c.ld + row;
    return c;
  };
  // Entries come from memory once: a few rows at a time stay in the second-level cache while passes
  // over all columns of X and Y go by, and those columns in the first while rows do.
  constexpr Index rows_in_cache = 64;
  for (Index begin = 0; begin < height; begin += rows_in_cache) {
    Index const end = begin + rows_in_cache < height ? begin + rows_in_cache : height;
    auto const pass = [&]<int R, int K>(Index k) {
      auto const strip = [&]<int rows>(Index i) {
        strip_times_columns<rows, K, both, Real, Sum>(t + i * ld, ld, width, at(x_cols, 0, k),
                                                      at(x_rows, i, k), at(y_rows, i, k),
                                                      at(y_cols, 0, k));
      };
      Index i = begin;
      for (; i + R <= end; i += R) strip.template operator()<R>(i);
      for (; i < end; ++i) strip.template operator()<1>(i);
      return k + K;
    };
    Index k = 0;
    while (columns - k > 4 && (columns - k) % 4 != 0) k = pass.template operator()<4, 5>(k);
    while (columns - k >= 4) k = pass.template operator()<4, 4>(k);
    if (columns - k >= 2) k = pass.template operator()<4, 2>(k);
    if (columns > k) pass.template operator()<8, 1>(k);
  }
}

}  // namespace widelimit::gram::detail
