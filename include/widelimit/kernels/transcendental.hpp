/// \file
/// log, sin, cos, erf and the normal distribution function, vectorisable like elementary.hpp. A NaN
/// stays one.
#pragma once

#include "widelimit/kernels/mills_ratio.hpp"

namespace widelimit::kernels {

namespace detail {

/// Constants in parts, of which the leading ones have trailing zeros so that multiples are exact.
template <class Real>
struct Parts;
template <>
struct Parts<double> {
  static constexpr double ln2_high = 6.93147180369123816490e-01,
                          ln2_low = 1.90821492927058770002e-10;
  static constexpr double pi_1 = 3.1415926516056061, pi_2 = 1.9841871548575973e-9,
                          pi_3 = 4.5034835483124353e-18;
};
template <>
struct Parts<float> {
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr float pi_1 = 3.140625f, pi_2 = 9.67502593994140625e-4f,
                         pi_3 = 1.509957990978376432e-7f;
};

/// erf(√y)/√y on [0, 0.3], relative errors 1.4e-19 and 3.4e-9.
template <class Real>
struct ErfCoefficients;
template <>
struct ErfCoefficients<double> {
  static constexpr double ratio[] = {1.12837916709551257,    -3.76126389031837426e-1,
                                     1.12837916709540446e-1, -2.68661706446694081e-2,
                                     5.2239776154165085e-3,  -8.54832577222758278e-4,
                                     1.20552377804868755e-4, -1.49211561354299575e-5,
                                     1.63332756762666724e-6, -1.42961251512144148e-7};
};
template <>
struct ErfCoefficients<float> {
  static constexpr float ratio[] = {1.128379163f, -3.761257797e-1f, 1.128215951e-1f,
                                    -2.671231782e-2f, 4.624812169e-3f};
};

/// (-1)^turns·sin(x - multiple·π), where x - multiple·π lies in [-π/2, π/2].
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real sine_of_rest(Real x, Real turns, Real multiple) {
  using P = Parts<Real>;
  Real const rest = ((x - multiple * P::pi_1) - multiple * P::pi_2) - multiple * P::pi_3;
  Real const magnitude = rest * polynomial<MillsCoefficients<Real>::sine>(rest * rest);
  Real const odd = turns - 2 * Kokkos::floor(turns / 2);
  return magnitude - 2 * odd * magnitude;
}

}  // namespace detail

/// log(x); -∞ at 0 (and below the normal range), NaN for negative x.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real logarithm(Real x) {
  using B = detail::Bits<Real>;
  using Int = typename B::Int;
  using P = detail::Parts<Real>;
  constexpr Int root_half = sizeof(Real) == 8 ? Int(0x3fe6a09e667f3bcd) : Int(0x3f3504f3);
  constexpr Real least = sizeof(Real) == 8 ? Real(2.2250738585072014e-308) : Real(1.17549435e-38f);
  constexpr Real most = sizeof(Real) == 8 ? Real(1.7976931348623157e308) : Real(3.40282347e38f);
  // x = 2^k·m with m in [√½, √2)
  Int const bits = Kokkos::bit_cast<Int>(x);
  Int const k = (bits - root_half) >> B::mantissa;
  Real const m = Kokkos::bit_cast<Real>(static_cast<Int>(bits - k * (Int{1} << B::mantissa)));
  Real const f = m - 1;
  Real const s = f / (2 + f);  // log m = 2·atanh s
  Real const log_m = 2 * s * detail::polynomial<detail::Coefficients<Real>::arctanh>(s * s);
  Real const count = static_cast<Real>(k);
  Real const inside = count * P::ln2_high + (count * P::ln2_low + log_m);
  Real const infinity = 2 * most;
  Real const small = x < 0 ? infinity - infinity : -infinity;
  return x < least ? small : (x <= most ? inside : x + x);
}

/// sin x, with an absolute error of a few ε for |x| up to 10⁷ (10³ in single precision).
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real sine(Real x) {
  Real const turns = Kokkos::floor(x * Real(0.31830988618379067) + Real(0.5));
  return detail::sine_of_rest(x, turns, turns);
}

/// cos x, as sine.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real cosine(Real x) {
  // cos x = sin(x + π/2), and x + π/2 - turns·π = x - (turns - 1/2)·π
  Real const turns = Kokkos::floor(x * Real(0.31830988618379067) + 1);
  return detail::sine_of_rest(x, turns, turns - Real(0.5));
}

/// The density of the normal distribution.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real normal_density(Real x) {
  return Real(0.39894228040143268) * exponential(x * x * Real(-0.5));
}

/// 1 - Φ(s) for s >= 0, Φ the distribution function of the normal distribution.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real normal_tail(Real s) {
  Real const inside = s > 40 ? Real(40) : s;
  return normal_density(inside) * mills_ratio(inside);
}

/// Φ(x), with relative errors of a few ε (and of x²·ε far out on the left).
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real normal_distribution(Real x) {
  Real const tail = normal_tail(Kokkos::fabs(x));
  return x > 0 ? 1 - tail : tail;
}

/// erf(x), with relative errors of a few ε.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real error_function(Real x) {
  Real const magnitude = Kokkos::fabs(x);
  bool const small = magnitude < Real(0.5);
  Real const near = small ? magnitude : Real(0);
  Real const inner = near * detail::polynomial<detail::ErfCoefficients<Real>::ratio>(near * near);
  Real const outer = 1 - 2 * normal_tail(magnitude * Real(1.4142135623730951));
  return Kokkos::copysign(small ? inner : outer, x);
}

}  // namespace widelimit::kernels
