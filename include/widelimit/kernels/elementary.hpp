/// \file
/// Elementary functions in a branch-free form that vectorises and runs on every back end.
///
/// The dual activations need few functions, but near |c| = 1 they need them without cancellation,
/// which no library offers. Coefficients: tools/dev/fit_polynomials.py. Relative errors are a few
/// units in the last place.
#pragma once

#include <bit>
#include <cstdint>
#include <iterator>

#include <Kokkos_Core.hpp>

namespace widelimit::kernels {

namespace detail {

/// Coefficients in ascending powers, by precision.
template <class Real>
struct Coefficients;

template <>
struct Coefficients<double> {
  // asin(√y)/√y on [0, 1/2], relative error 2.0e-17
  static constexpr double arcsine[] = {
      1.00000000000000001,     1.66666666666649869e-1, 7.50000000040181609e-2,
      4.46428567626150034e-2,  3.03819633967518285e-2, 2.2371584779320353e-2,
      1.73642814391035282e-2,  1.38034458958919798e-2, 1.31910025717539036e-2,
      -2.60153784829968792e-3, 7.87161135700212663e-2, -2.96870543068982427e-1,
      1.00820166505341874,     -2.4908808126226117,    4.64206890998884336,
      -6.22929987539798577,    5.75794083131469874,    -3.27893315673981227,
      8.89290436763868799e-1};
  // (sin t - t cos t)/y^1.5 with y = sin²(t/2) on [0, 1/2], relative error 7.4e-18
  static constexpr double relu_deviation[] = {
      2.66666666666666666,     2.6666666666668141e-1,   8.57142857111221069e-2,
      3.96825399507744808e-2,  2.20959476394276373e-2,  1.37678056820296547e-2,
      9.24904802486040812e-3,  6.64309351324180492e-3,  4.22624297616466706e-3,
      7.91530661372585538e-3,  -1.7704735518716593e-2,  7.84003947555341355e-2,
      -2.07942446018569877e-1, 4.29097475221878857e-1,  -6.24588932872608859e-1,
      6.2699798013686559e-1,   -3.84892190725572749e-1, 1.13661325924460362e-1};
  // (exp(r) - 1 - r)/r² on |r| <= ln(2)/2, relative error 2.2e-16
  static constexpr double exponential[] = {5.00000000000000102e-1, 1.66666666666666675e-1,
                                           4.1666666666624136e-2,  8.33333333333006246e-3,
                                           1.3888888917209671e-3,  1.98412698630505055e-4,
                                           2.48015213022410831e-5, 2.75572684648316265e-6,
                                           2.76200854550184157e-7, 2.51003831958670213e-8};
  // atanh(√y)/√y on [0, 1/9], relative error 1.3e-18
  static constexpr double arctanh[] = {1.0,
                                       3.33333333333330748e-1,
                                       2.00000000000928737e-1,
                                       1.42857142727270573e-1,
                                       1.11111120403738366e-1,
                                       9.09087041625240226e-2,
                                       7.69330702115200388e-2,
                                       6.65018701633731217e-2,
                                       6.05508436403460883e-2,
                                       4.16225325593041029e-2,
                                       8.52208178139069906e-2};
};

template <>
struct Coefficients<float> {
  // as above: relative errors 1.8e-8, 1.8e-8, 1.3e-7 (of a term that adds at most a third), 4.1e-9
  static constexpr float arcsine[] = {9.999999887e-1f,  1.666695467e-1f, 7.488114442e-2f,
                                      4.648084946e-2f,  1.673138895e-2f, 7.553975382e-2f,
                                      -9.008621671e-2f, 1.096739832e-1f};
  static constexpr float relu_deviation[] = {2.666666697f,    2.666606852e-1f, 8.590178979e-2f,
                                             3.752269953e-2f, 3.359094247e-2f, -1.594783563e-2f,
                                             4.244385108e-2f};
  static constexpr float exponential[] = {5.0e-1f, 1.6666577e-1f, 4.166655463e-2f, 8.36317763e-3f,
                                          1.392618181e-3f};
  static constexpr float arctanh[] = {1.000000004f, 3.333316082e-1f, 2.001229762e-1f,
                                      1.398257887e-1f, 1.407888918e-1f};
};

/// Σ c[k]·x^k by Horner's rule. Unrolled by recursion, as a loop of this length keeps compilers
/// from vectorising the loop around it; coefficients by name, as device code knows arrays of the
/// host by their values alone.
template <auto const& c, std::size_t k = 0, class Real>
KOKKOS_FORCEINLINE_FUNCTION Real polynomial(Real x) {
  constexpr Real coefficient = c[k];
  if constexpr (k + 1 == std::size(c)) {
    return coefficient;
  } else {
    return coefficient + x * polynomial<c, k + 1>(x);
  }
}

template <class Real>
struct Bits;
template <>
struct Bits<double> {
  using Int = std::int64_t;
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double lowest = -708.0, highest = 709.0;
};
template <>
struct Bits<float> {
  using Int = std::int32_t;
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float lowest = -87.0f, highest = 88.0f;
};

/// x = k·ln 2 + r with |r| <= ln(2)/2, and 2^k.
template <class Real>
struct ReducedExponent {
  Real r, scale;
};

template <class Real>
KOKKOS_FORCEINLINE_FUNCTION ReducedExponent<Real> reduce_exponent(Real x) {
  using B = Bits<Real>;
  // ln 2 in two parts, the first with trailing zeros: k·high is exact.
  constexpr Real high = sizeof(Real) == 8 ? Real(6.93147180369123816490e-01) : Real(0.693359375);
  constexpr Real low = sizeof(Real) == 8 ? Real(1.90821492927058770002e-10) : Real(-2.12194440e-4);
  Real const k = Kokkos::floor(x * Real(1.4426950408889634) + Real(0.5));
  auto const exponent = static_cast<typename B::Int>(k) + B::bias;
  Real const scale = Kokkos::bit_cast<Real>(static_cast<typename B::Int>(exponent << B::mantissa));
  return {(x - k * high) - k * low, scale};
}

}  // namespace detail

template <class Real>
inline constexpr Real pi = Real(3.14159265358979323846);

template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real square(Real x) {
  return x * x;
}

/// asin(√y) for y in [0, 1/2].
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real asin_of_root(Real y) {
  return Kokkos::sqrt(y) * detail::polynomial<detail::Coefficients<Real>::arcsine>(y);
}

/// The angle t in [0, π/2] with cos t = 1 - e, for e in [0, 1], to full relative accuracy as e → 0.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real angle_of_defect(Real e) {
  return 2 * asin_of_root(e / 2);
}

/// asin(ρ), from ρ and the defect 1-|ρ| (both, as either alone loses accuracy at one end).
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real asin_with_defect(Real rho, Real defect) {
  Real const magnitude = Kokkos::fabs(rho);
  bool const small = magnitude < Real(0.70710678);
  // |ρ| itself rather than the root of its square, which underflows for ρ below 1e-154 (1e-19).
  Real const y = small ? square(magnitude) : defect / 2;
  Real const root = small ? magnitude : Kokkos::sqrt(y);
  Real const part = root * detail::polynomial<detail::Coefficients<Real>::arcsine>(y);
  return Kokkos::copysign(small ? part : pi<Real> / 2 - 2 * part, rho);
}

/// sin t - t·cos t for cos t = 1 - e, e in [0, 1]: about t³/3, without cancellation.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real relu_deviation(Real e) {
  Real const y = e / 2;
  return y * Kokkos::sqrt(y) * detail::polynomial<detail::Coefficients<Real>::relu_deviation>(y);
}

/// exp(x); 0 below the normal range, the largest finite power above it.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real exponential(Real x) {
  using B = detail::Bits<Real>;
  Real const inside = x < B::lowest ? B::lowest : (x > B::highest ? B::highest : x);
  auto const [r, scale] = detail::reduce_exponent(inside);
  Real const rest = r + r * r * detail::polynomial<detail::Coefficients<Real>::exponential>(r);
  return x < B::lowest ? Real(0) : scale + scale * rest;
}

/// exp(-x), 0 below the normal range, and 1 - exp(-x), each to full relative accuracy.
template <class Real>
struct Decay {
  Real value, fallen;
};

template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Decay<Real> decay(Real x) {
  using B = detail::Bits<Real>;
  Real const inside = -x < B::lowest ? B::lowest : -x;
  auto const [r, scale] = detail::reduce_exponent(inside);
  Real const rest = r + r * r * detail::polynomial<detail::Coefficients<Real>::exponential>(r);
  return {-x < B::lowest ? Real(0) : scale + scale * rest, (1 - scale) - scale * rest};
}

/// 1 - exp(-x), to full relative accuracy as x → 0.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real one_minus_exp_of_minus(Real x) {
  return decay(x).fallen;
}

/// log(1 + x) for x in [0, 1], to full relative accuracy as x → 0.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real log_of_one_plus(Real x) {
  Real const s = x / (2 + x);  // log(1+x) = 2·atanh s
  return 2 * s * detail::polynomial<detail::Coefficients<Real>::arctanh>(s * s);
}

}  // namespace widelimit::kernels
