/// \file
/// Numbers in double kept as a float and the eight bits after it: 5 bytes for a relative 2^-32.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "widelimit/kernels/vector_lanes.hpp"

namespace widelimit::kernels {

/// Units of a remainder in the distance between neighbouring floats, so that half of it is 127.
inline constexpr double remainder_units = 254;
/// A unit of the remainder of a float whose leading power of two is 1.
inline constexpr double remainder_unit = 0x1p-23 / remainder_units;

/// The largest relative error of numbers that are not denormal in single precision.
inline constexpr double split_rounding = remainder_unit / 2;

/// The largest power of two in |x|, by its exponent alone; 0 for zero and denormals.
inline float leading_power(float x) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7F800000U);
}

/// What rounding x to `high`, the float next to it, left. With it the error is 2^-32 |x| at most;
/// below 2^-126, where there are no remainders, 2^-150.
inline std::int8_t remainder_of(double x, float high) {
  double const unit = leading_power(high) * remainder_unit;
  if (!(unit > 0)) return 0;
  return static_cast<std::int8_t>(std::clamp(std::nearbyint((x - high) / unit), -127.0, 127.0));
}

/// A pointer to numbers kept so.
struct SplitEntries {
  float const* high;
  std::int8_t const* low;

  SplitEntries operator+(Index i) const { return {high + i, low + i}; }
  double operator[](Index i) const {
    return high[i] + low[i] * (leading_power(high[i]) * remainder_unit);
  }
};

/// To the second-level cache: the first has too few places for lines that are on their way, which
/// loads that hit the second would have to wait for.
inline void prefetch(void const* p) {
  __builtin_prefetch(p, 0, 2);
}
inline void prefetch(SplitEntries const& p) {
  prefetch(p.high);
  prefetch(p.low);
}

/// As many of them as there are lanes.
template <class To>
inline Lanes<To> load_converted(SplitEntries const& p) {
  static_assert(std::is_same_v<To, double>);
#ifdef __AVX512F__
  __m256 const high = _mm256_loadu_ps(p.high);
  __m256 const power = _mm256_and_ps(high, _mm256_castsi256_ps(_mm256_set1_epi32(0x7F800000)));
  std::int64_t bytes;
  std::memcpy(&bytes, p.low, sizeof bytes);
  __m256i const low = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(bytes));
  __m512d const unit =
      _mm512_mul_pd(_mm512_maskz_cvtps_pd(0xFF, power), _mm512_set1_pd(remainder_unit));
  return _mm512_fmadd_pd(_mm512_maskz_cvtepi32_pd(0xFF, low), unit,
                         _mm512_maskz_cvtps_pd(0xFF, high));
#else
  Lanes<double> values;
  for (Index i = 0; i < lanes<double>; ++i) values[i] = p[i];
  return values;
#endif
}

}  // namespace widelimit::kernels
