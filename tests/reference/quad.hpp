/// \file
/// A number of 113 bits with the functions that references need, where rounding in double is what
/// is measured. On x86 the compiler's __float128 with libquadmath, elsewhere an IEEE long double.
#pragma once

#include <cmath>
#include <limits>
#include <numbers>

#if defined(__SIZEOF_FLOAT128__) && !defined(__aarch64__)
#define WIDELIMIT_FLOAT128 1
__extension__ using WidelimitFloat128 = __float128;
extern "C" {  // of libquadmath, whose header compilers other than GCC do not find
WidelimitFloat128 sqrtq(WidelimitFloat128) noexcept;
WidelimitFloat128 expq(WidelimitFloat128) noexcept;
WidelimitFloat128 expm1q(WidelimitFloat128) noexcept;
WidelimitFloat128 log1pq(WidelimitFloat128) noexcept;
WidelimitFloat128 tanhq(WidelimitFloat128) noexcept;
WidelimitFloat128 sinq(WidelimitFloat128) noexcept;
WidelimitFloat128 cosq(WidelimitFloat128) noexcept;
WidelimitFloat128 asinq(WidelimitFloat128) noexcept;
WidelimitFloat128 erfq(WidelimitFloat128) noexcept;
WidelimitFloat128 erfcq(WidelimitFloat128) noexcept;
WidelimitFloat128 fabsq(WidelimitFloat128) noexcept;
}
#endif

namespace widelimit::reference {

#ifdef WIDELIMIT_FLOAT128
using Quad = WidelimitFloat128;
inline Quad quad_sqrt(Quad x) {
  return sqrtq(x);
}
inline Quad quad_exp(Quad x) {
  return expq(x);
}
inline Quad quad_expm1(Quad x) {
  return expm1q(x);
}
inline Quad quad_log1p(Quad x) {
  return log1pq(x);
}
inline Quad quad_tanh(Quad x) {
  return tanhq(x);
}
inline Quad quad_sin(Quad x) {
  return sinq(x);
}
inline Quad quad_cos(Quad x) {
  return cosq(x);
}
inline Quad quad_asin(Quad x) {
  return asinq(x);
}
inline Quad quad_erf(Quad x) {
  return erfq(x);
}
inline Quad quad_erfc(Quad x) {
  return erfcq(x);
}
inline Quad quad_abs(Quad x) {
  return fabsq(x);
}
#undef WIDELIMIT_FLOAT128
#else
static_assert(std::numeric_limits<long double>::digits >= 113,
              "the references need a type of 113 bits");
using Quad = long double;
inline Quad quad_sqrt(Quad x) {
  return std::sqrt(x);
}
inline Quad quad_exp(Quad x) {
  return std::exp(x);
}
inline Quad quad_expm1(Quad x) {
  return std::expm1(x);
}
inline Quad quad_log1p(Quad x) {
  return std::log1p(x);
}
inline Quad quad_tanh(Quad x) {
  return std::tanh(x);
}
inline Quad quad_sin(Quad x) {
  return std::sin(x);
}
inline Quad quad_cos(Quad x) {
  return std::cos(x);
}
inline Quad quad_asin(Quad x) {
  return std::asin(x);
}
inline Quad quad_erf(Quad x) {
  return std::erf(x);
}
inline Quad quad_erfc(Quad x) {
  return std::erfc(x);
}
inline Quad quad_abs(Quad x) {
  return std::fabs(x);
}
#endif

/// π to 113 bits, from Newton's step on sin at the long double π.
inline Quad quad_pi() {
  static Quad const value = [] {
    Quad const guess = std::numbers::pi_v<long double>;
    return guess + quad_sin(guess);
  }();
  return value;
}

/// The angle t in [0, π/2] with cos t = 1 - e.
inline Quad quad_angle_of_defect(Quad e) {
  return 2 * quad_asin(quad_sqrt(e / 2));
}

/// sin t - t·cos t for cos t = 1 - e, from its Taylor series where the difference would cancel.
inline Quad quad_relu_deviation(Quad e) {
  Quad const t = quad_angle_of_defect(e);
  if (t > Quad(0.1)) return quad_sin(t) - t * (1 - e);
  Quad sum = 0;
  Quad term = t;  // (-1)^k t^(2k+1)/(2k+1)!, of which sin t has one and t·cos t 2k+1
  for (int k = 1; k < 16; ++k) {
    term *= -t * t / ((2 * k) * (2 * k + 1));
    sum -= 2 * k * term;
  }
  return sum;
}

/// |value - expected| in units of |expected|·ε; absolute in units of the least normal number at 0.
template <class Real>
double error_in_eps(Real value, Quad expected) {
  Quad const least = std::numeric_limits<Real>::min();
  Quad const size = quad_abs(expected) > least ? quad_abs(expected) : least;
  Quad const error = quad_abs(static_cast<Quad>(value) - expected);
  return static_cast<double>(error / size /
                             static_cast<Quad>(std::numeric_limits<Real>::epsilon()));
}

}  // namespace widelimit::reference
