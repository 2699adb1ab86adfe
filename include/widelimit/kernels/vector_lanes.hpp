/// \file
/// Vectors of 64 bytes of lanes for host code that the compiler does not vectorise by itself,
/// whatever the machine has: the compiler splits them.
#pragma once

#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include <type_traits>
#include <utility>

#include <Kokkos_Core.hpp>

#include "widelimit/runtime/types.hpp"

namespace widelimit::kernels {

template <class Real>
struct LanesOf;
template <>
struct LanesOf<double> {
  using Value = double __attribute__((vector_size(64)));
  using InMemory = double __attribute__((vector_size(64), aligned(8), may_alias));
  using Four = double __attribute__((vector_size(32)));
};
template <>
struct LanesOf<float> {
  using Value = float __attribute__((vector_size(64)));
  using InMemory = float __attribute__((vector_size(64), aligned(4), may_alias));
  using Four = float __attribute__((vector_size(16)));
};
template <class Real>
using Lanes = typename LanesOf<Real>::Value;
/// Need not begin where a line of cache does.
template <class Real>
using LanesInMemory = typename LanesOf<Real>::InMemory;
template <class Real>
inline constexpr Index lanes = 64 / sizeof(Real);

template <class Real>
[[gnu::always_inline]] inline Lanes<Real> load_lanes(Real const* p) {
  return *reinterpret_cast<LanesInMemory<Real> const*>(p);
}
template <class Real>
[[gnu::always_inline]] inline void store_lanes(Real* p, Lanes<Real> const& v) {
  *reinterpret_cast<LanesInMemory<Real>*>(p) = v;
}
/// As many numbers as `To` has lanes, in that precision.
template <class To, class From>
[[gnu::always_inline]] inline Lanes<To> load_converted(From const* p) {
  if constexpr (std::is_same_v<To, From>) {
    return load_lanes(p);
  } else {
    static_assert(std::is_same_v<To, double> && std::is_same_v<From, float>);
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
[[gnu::always_inline]] inline Real sum_lanes(Lanes<Real> const& v) {
  Real part[lanes<Real>];
  for (Index i = 0; i < lanes<Real>; ++i) part[i] = v[i];
  for (Index half = lanes<Real> / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) part[i] += part[i + half];
  return part[0];
}

/// Of each four lanes: those of `a` that are `stride` (2 or 1) apart added, then those of `b`.
template <class Real, std::size_t stride, std::size_t... lane>
[[gnu::always_inline]] inline Lanes<Real> add_neighbours(Lanes<Real> const& a, Lanes<Real> const& b,
                                                         std::index_sequence<lane...>) {
  // Written by lanes, not as shuffles, which front ends of device compilers do not know.
  constexpr auto from = [](std::size_t i) { return i / 4 * 4 + i % 2 * (2 / stride); };
  Lanes<Real> const low{(lane % 4 < 2 ? a : b)[from(lane)]...};
  Lanes<Real> const high{(lane % 4 < 2 ? a : b)[from(lane) + stride]...};
  return low + high;
}

/// Adds the sums of the lanes of four vectors to four numbers.
template <class Real>
[[gnu::always_inline]] inline void add_lanes_of_four(Lanes<Real> const (&v)[4], Real* to) {
  constexpr std::make_index_sequence<lanes<Real>> all;
  auto const sums = add_neighbours<Real, 1>(add_neighbours<Real, 2>(v[0], v[1], all),
                                            add_neighbours<Real, 2>(v[2], v[3], all), all);
  using Four = typename LanesOf<Real>::Four;
  Four total{sums[0], sums[1], sums[2], sums[3]};
  for (Index i = 4; i < lanes<Real>; i += 4)
    total += Four{sums[i], sums[i + 1], sums[i + 2], sums[i + 3]};
  for (int i = 0; i < 4; ++i) to[i] += total[i];
}

}  // namespace widelimit::kernels
