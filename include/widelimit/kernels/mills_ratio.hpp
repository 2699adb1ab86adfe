/// \file
/// The Mills ratio of the normal distribution and the sine, vectorisable like elementary.hpp.
#pragma once

#include "widelimit/kernels/elementary.hpp"

namespace widelimit::kernels {

namespace detail {

/// As Coefficients.
template <class Real>
struct MillsCoefficients;

template <>
struct MillsCoefficients<double> {
  // (1+s)·(1-Φ(s))/Φ'(s) with y = (s-3)/(s+3) on [-1, 1], relative error 2.1e-17
  static constexpr double mills[] = {
      1.21836119484041318,     -2.4195670061194307e-1,  -4.11893686464144244e-2,
      1.13209083406175759e-1,  -5.69746239319124863e-2, 2.90967359552190054e-3,
      7.54311771659681395e-3,  -8.89071805046926693e-4, -1.30259378012506982e-3,
      4.362681099958531e-5,    2.60705176598211446e-4,  4.37152169809631091e-5,
      -4.56376986645311519e-5, -2.31611283685443065e-5, 3.13427194798920172e-6,
      6.80021285056770453e-6,  1.91562200437086595e-6,  -9.58955398287804916e-7,
      -9.69962510118162104e-7, -1.93597602932199969e-7, 2.02884972782342496e-7,
      1.5481182567092868e-7,   1.39427363364221024e-9,  -4.1193093379099922e-8,
      -1.12087456519913298e-8, 4.57934857748544096e-9,  1.97931543496841115e-9};
  // sin(√y)/√y on [0, (π/2)²], relative error 3.2e-19
  static constexpr double sine[] = {1.0,
                                    -1.66666666666666653e-1,
                                    8.33333333333318638e-3,
                                    -1.98412698412086752e-4,
                                    2.75573192112296066e-6,
                                    -2.50521068905695195e-8,
                                    1.60589408784865599e-10,
                                    -7.64302655797163266e-13,
                                    2.72157494229834428e-15};
};

template <>
struct MillsCoefficients<float> {
  // relative errors 2.8e-8 and 6.6e-9
  static constexpr float mills[] = {1.218361195f,    -2.4195664e-1f,   -4.118972079e-2f,
                                    1.132077697e-1f, -5.696752677e-2f, 2.91853079e-3f,
                                    7.502594445e-3f, -9.167958418e-4f, -1.206409498e-3f,
                                    9.006732262e-5f, 1.569636814e-4f};
  static constexpr float sine[] = {9.999999957e-1f, -1.666665795e-1f, 8.333050171e-3f,
                                   -1.980901741e-4f, 2.605107635e-6f};
};

}  // namespace detail

/// ∫ exp(-ρ²/2 - sρ) dρ over ρ > 0, for s >= 0.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real mills_ratio(Real s) {
  Real const y = (s - 3) / (s + 3);
  return detail::polynomial<detail::MillsCoefficients<Real>::mills>(y) / (1 + s);
}

/// sin x for x in [0, π]; `rest` is π - x, which near π has the digits.
template <class Real>
KOKKOS_FORCEINLINE_FUNCTION Real sine(Real x, Real rest) {
  Real const acute = x < rest ? x : rest;
  return acute * detail::polynomial<detail::MillsCoefficients<Real>::sine>(acute * acute);
}

}  // namespace widelimit::kernels
