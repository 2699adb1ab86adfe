/// \file
/// The functions of `numerical` against 113 bits.
#include "widelimit/kernels/numerical_functions.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "reference/quad.hpp"

namespace widelimit::kernels {
namespace {

using network::NumericalFunction;
using reference::Quad;

/// φ(x), φ'(x) as they are defined.
ValueAndSlope<Quad> exact(NumericalFunction fn, Quad x) {
  using enum NumericalFunction;
  auto const sigmoid_of = [](Quad v) { return 1 / (1 + reference::quad_exp(-v)); };
  auto const softplus_of = [](Quad v) {
    return v > 0 ? v + reference::quad_log1p(reference::quad_exp(-v))
                 : reference::quad_log1p(reference::quad_exp(v));
  };
  auto const sech2 = [](Quad v) {  // 1 - tanh² v
    Quad const cosh2 = reference::quad_exp(v) + reference::quad_exp(-v);
    return 4 / (cosh2 * cosh2);
  };
  Quad const scale = Quad(1.0507009873554804934193349852946L),
             alpha = Quad(1.6732632423543772848170429916717L);
  switch (fn) {
    case tanh:
      return {reference::quad_tanh(x), sech2(x)};
    case sigmoid:
      return {sigmoid_of(x), sigmoid_of(x) * sigmoid_of(-x)};
    case softplus:
      return {softplus_of(x), sigmoid_of(x)};
    case swish:
      return {x * sigmoid_of(x), sigmoid_of(x) * (1 + x * sigmoid_of(-x))};
    case elu:
      return x > 0 ? ValueAndSlope<Quad>{x, 1}
                   : ValueAndSlope<Quad>{reference::quad_expm1(x), reference::quad_exp(x)};
    case selu:
      return x > 0 ? ValueAndSlope<Quad>{scale * x, scale}
                   : ValueAndSlope<Quad>{scale * alpha * reference::quad_expm1(x),
                                         scale * alpha * reference::quad_exp(x)};
    case mish: {
      Quad const y = reference::quad_tanh(softplus_of(x));
      return {x * y, y + x * sech2(softplus_of(x)) * sigmoid_of(x)};
    }
  }
  return {0, 0};
}

constexpr NumericalFunction functions[] = {NumericalFunction::tanh,     NumericalFunction::sigmoid,
                                           NumericalFunction::softplus, NumericalFunction::swish,
                                           NumericalFunction::elu,      NumericalFunction::selu,
                                           NumericalFunction::mish};

template <class Real>
class NumericalFunctions : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(NumericalFunctions, Reals);

TYPED_TEST(NumericalFunctions, are_right_to_a_few_units) {
  using Real = TypeParam;
  std::mt19937_64 engine(3);
  std::uniform_real_distribution<double> unit(-1, 1);
  std::vector<Real> arguments{0, Real(-0.0)};
  for (double reach : {1e-30, 1e-8, 1e-3, 1.0, 5.0, 30.0}) {
    for (int k = 0; k < 1000; ++k) arguments.push_back(static_cast<Real>(reach * unit(engine)));
  }
  for (auto const fn : functions) {
    // The slopes of swish and mish change their sign near -1.2.
    bool const turns = fn == NumericalFunction::swish || fn == NumericalFunction::mish;
    double worst = 0, worst_slope = 0;
    for (Real const x : arguments) {
      auto const got = evaluate(fn, x);
      auto const expected = exact(fn, x);
      worst = std::fmax(worst, reference::error_in_eps(got.value, expected.value));
      double const slope = reference::error_in_eps(got.slope, expected.slope);
      bool const near_turn = turns && x > -2 && x < Real(-0.8);
      double const size = near_turn ? std::fabs(static_cast<double>(expected.slope)) : 1;
      worst_slope = std::fmax(worst_slope, slope * size);
    }
    EXPECT_LE(worst, 8) << static_cast<int>(fn);
    EXPECT_LE(worst_slope, turns ? 40 : 8) << static_cast<int>(fn);
  }
}

TYPED_TEST(NumericalFunctions, have_their_limits_at_huge_arguments) {
  using Real = TypeParam;
  for (auto const fn : functions) {
    for (Real const x : {Real(1e4), Real(-1e4), std::sqrt(std::numeric_limits<Real>::max()),
                         -std::sqrt(std::numeric_limits<Real>::max())}) {
      auto const got = evaluate(fn, x);
      auto const near = exact(fn, x > 0 ? 200 : -200);
      ASSERT_TRUE(std::isfinite(got.value) && std::isfinite(got.slope)) << static_cast<int>(fn);
      EXPECT_NEAR(got.slope, static_cast<double>(near.slope), 1e-6) << static_cast<int>(fn);
    }
  }
}

}  // namespace
}  // namespace widelimit::kernels
