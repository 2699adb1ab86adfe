/// \file
/// The functions of `numerical` and their derivatives, in a form that vectorises: all are made of
/// exp(-|x|), without cancellation.
#pragma once

#include <type_traits>

#include "widelimit/kernels/elementary.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::kernels {

template <class Real>
struct ValueAndSlope {
  Real value, slope;
};

namespace detail {

/// 1/(1+exp(-x)) and 1/(1+exp(x)).
template <class Real>
struct Sigmoid {
  Real of_x, of_minus_x;

  KOKKOS_FORCEINLINE_FUNCTION Sigmoid(Real x, Real exp_of_minus_magnitude) {
    Real const larger = 1 / (1 + exp_of_minus_magnitude);
    Real const smaller = exp_of_minus_magnitude * larger;
    of_x = x >= 0 ? larger : smaller;
    of_minus_x = x >= 0 ? smaller : larger;
  }
};

}  // namespace detail

/// φ(x) and φ'(x), with relative errors of a few units in the last place wherever they are not
/// about to change their sign.
template <network::NumericalFunction fn, class Real>
KOKKOS_FORCEINLINE_FUNCTION ValueAndSlope<Real> evaluate(Real x) {
  using enum network::NumericalFunction;
  Real const magnitude = Kokkos::fabs(x);
  auto const [fall, fallen] = decay(fn == tanh ? 2 * magnitude : magnitude);  // of exp
  if constexpr (fn == tanh) {
    Real const inverse = 1 / (1 + fall);
    return {Kokkos::copysign(fallen * inverse, x), 4 * fall * (inverse * inverse)};
  } else if constexpr (fn == elu || fn == selu) {
    constexpr Real scale = fn == elu ? Real(1) : Real(1.0507009873554804934193349852946);
    constexpr Real alpha = fn == elu ? Real(1) : Real(1.6732632423543772848170429916717);
    bool const linear = x > 0;
    return {linear ? scale * x : -(scale * alpha * fallen), linear ? scale : scale * alpha * fall};
  } else if constexpr (fn == mish) {
    // With w = exp x, tanh(log(1+w)) = (w²+2w)/(w²+2w+2); for x > 0 in powers of 1/w.
    bool const positive = x > 0;
    Real const above = positive ? 1 + 2 * fall : fall * (fall + 2);
    Real const lacking = positive ? 2 * (fall * fall) : Real(2);
    Real const inverse = 1 / (above + lacking);
    Real const y = above * inverse;
    detail::Sigmoid<Real> const sigmoid_of(x, fall);
    return {x * y, y + x * (lacking * inverse) * (1 + y) * sigmoid_of.of_x};
  } else {
    detail::Sigmoid<Real> const sigmoid_of(x, fall);
    if constexpr (fn == sigmoid) {
      return {sigmoid_of.of_x, sigmoid_of.of_x * sigmoid_of.of_minus_x};
    } else if constexpr (fn == softplus) {
      return {(x > 0 ? x : Real(0)) + log_of_one_plus(fall), sigmoid_of.of_x};
    } else {
      static_assert(fn == swish);
      return {x * sigmoid_of.of_x, sigmoid_of.of_x + x * sigmoid_of.of_x * sigmoid_of.of_minus_x};
    }
  }
}

/// Calls f(constant), where constant.value is `fn`.
template <class F>
KOKKOS_FORCEINLINE_FUNCTION void with_function(network::NumericalFunction fn, F const& f) {
  using enum network::NumericalFunction;
  switch (fn) {
    case tanh:
      return f(std::integral_constant<network::NumericalFunction, tanh>{});
    case sigmoid:
      return f(std::integral_constant<network::NumericalFunction, sigmoid>{});
    case softplus:
      return f(std::integral_constant<network::NumericalFunction, softplus>{});
    case swish:
      return f(std::integral_constant<network::NumericalFunction, swish>{});
    case elu:
      return f(std::integral_constant<network::NumericalFunction, elu>{});
    case selu:
      return f(std::integral_constant<network::NumericalFunction, selu>{});
    case mish:
      return f(std::integral_constant<network::NumericalFunction, mish>{});
  }
}

/// φ(x) and φ'(x) of a function known at run time only.
template <class Real>
KOKKOS_INLINE_FUNCTION ValueAndSlope<Real> evaluate(network::NumericalFunction fn, Real x) {
  ValueAndSlope<Real> result{0, 0};
  with_function(fn, [&](auto constant) { result = evaluate<constant.value>(x); });
  return result;
}

}  // namespace widelimit::kernels
