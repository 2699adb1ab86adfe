/// \file
/// The functions of `numerical` and their derivatives.
#pragma once

#include <Kokkos_Core.hpp>

#include "widelimit/network/layers.hpp"

namespace widelimit::kernels {

template <class Real>
struct ValueAndSlope {
  Real value, slope;
};

/// φ(x) and φ'(x).
template <class Real>
KOKKOS_INLINE_FUNCTION ValueAndSlope<Real> evaluate(network::NumericalFunction fn, Real x) {
  using enum network::NumericalFunction;
  auto const sigmoid_of = [](Real v) { return 1 / (1 + Kokkos::exp(-v)); };
  auto const softplus_of = [](Real v) {
    return (v > 0 ? v : Real(0)) + Kokkos::log1p(Kokkos::exp(-Kokkos::fabs(v)));
  };
  switch (fn) {
    case tanh: {
      Real const y = Kokkos::tanh(x);
      return {y, (1 - y) * (1 + y)};
    }
    case network::NumericalFunction::sigmoid: {
      Real const y = sigmoid_of(x);
      return {y, y * sigmoid_of(-x)};
    }
    case softplus:
      return {softplus_of(x), sigmoid_of(x)};
    case swish: {
      Real const y = sigmoid_of(x);
      return {x * y, y + x * y * sigmoid_of(-x)};
    }
    case elu:
      return x > 0 ? ValueAndSlope<Real>{x, 1}
                   : ValueAndSlope<Real>{Kokkos::expm1(x), Kokkos::exp(x)};
    case selu: {
      constexpr Real scale = Real(1.0507009873554804934193349852946);
      constexpr Real alpha = Real(1.6732632423543772848170429916717);
      return x > 0 ? ValueAndSlope<Real>{scale * x, scale}
                   : ValueAndSlope<Real>{scale * alpha * Kokkos::expm1(x),
                                         scale * alpha * Kokkos::exp(x)};
    }
    case mish: {
      Real const y = Kokkos::tanh(softplus_of(x));
      return {x * y, y + x * (1 - y) * (1 + y) * sigmoid_of(x)};
    }
  }
  return {0, 0};
}

}  // namespace widelimit::kernels
