/// \file
/// Relative errors of the elementary functions, in units of the last place, against 113 bits.
#include "widelimit/kernels/elementary.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "reference/quad.hpp"

namespace widelimit::kernels {
namespace {

using reference::error_in_eps;
using reference::Quad;

template <class Real>
class Elementary : public testing::Test {
 protected:
  /// Uniform numbers in [low, high], then logarithmically spread ones down to the least normal
  /// number, then the ends.
  static std::vector<Real> arguments(Real low, Real high) {
    std::mt19937_64 engine(11);
    std::uniform_real_distribution<double> uniform(0, 1);
    double const decades = std::numeric_limits<Real>::min_exponent10 + 2;
    std::vector<Real> result{low, high};
    for (int k = 0; k < 20000; ++k) {
      result.push_back(low + static_cast<Real>(uniform(engine)) * (high - low));
      Real const magnitude = high * static_cast<Real>(std::pow(10.0, decades * uniform(engine)));
      result.push_back(magnitude);
      if (-magnitude >= low) result.push_back(-magnitude);
    }
    if (low <= 0) result.push_back(0);
    return result;
  }

  /// The largest error of f against `exact` in ε.
  template <class F, class G>
  static double worst(std::vector<Real> const& arguments, F const& f, G const& exact) {
    double error = 0;
    for (Real const x : arguments) {
      Real const value = f(x);
      if (!std::isfinite(value)) return INFINITY;
      error = std::fmax(error, error_in_eps(value, exact(static_cast<Quad>(x))));
    }
    return error;
  }
};

using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Elementary, Reals);

TYPED_TEST(Elementary, asin_of_root_to_three_units) {
  EXPECT_LE(this->worst(this->arguments(0, 0.5), asin_of_root<TypeParam>,
                        [](Quad y) { return reference::quad_asin(reference::quad_sqrt(y)); }),
            3);
}

TYPED_TEST(Elementary, angle_of_defect_to_three_units) {
  EXPECT_LE(this->worst(this->arguments(0, 1), angle_of_defect<TypeParam>,
                        reference::quad_angle_of_defect),
            3);
}

TYPED_TEST(Elementary, asin_with_defect_to_three_units_at_both_ends) {
  using Real = TypeParam;
  double error = 0;
  for (Real const magnitude : this->arguments(0, 1)) {
    for (Real const sign : {Real(1), Real(-1)}) {
      Quad const exact = sign * reference::quad_asin(magnitude);
      error =
          std::fmax(error, error_in_eps(asin_with_defect(sign * magnitude, 1 - magnitude), exact));
      // The defect says what the rounded ρ cannot.
      Real const defect = magnitude / 4;
      Quad const near_one = reference::quad_pi() / 2 - reference::quad_angle_of_defect(defect);
      error = std::fmax(
          error, error_in_eps(asin_with_defect(sign * (1 - defect), defect), sign * near_one));
    }
  }
  EXPECT_LE(error, 3);
  EXPECT_EQ(asin_with_defect(Real(1), Real(0)), pi<Real> / 2);
  EXPECT_EQ(asin_with_defect(Real(-1), Real(0)), -pi<Real> / 2);
  EXPECT_EQ(asin_with_defect(Real(-0.0), Real(1)), 0);
}

TYPED_TEST(Elementary, relu_deviation_to_four_units) {
  // Its cube of a square root leaves the range of normal numbers before e does.
  auto arguments = this->arguments(0, 1);
  std::erase_if(arguments, [](TypeParam e) {
    return e > 0 && e < std::pow(std::numeric_limits<TypeParam>::min(), TypeParam(0.6));
  });
  EXPECT_LE(this->worst(arguments, relu_deviation<TypeParam>, reference::quad_relu_deviation), 4);
}

TYPED_TEST(Elementary, exponential_to_three_units) {
  bool const twice = sizeof(TypeParam) == 8;
  EXPECT_LE(this->worst(this->arguments(twice ? -708 : -87, twice ? 709 : 88),
                        exponential<TypeParam>, reference::quad_exp),
            3);
}

TYPED_TEST(Elementary, exponential_stays_finite_outside_the_range) {
  using Real = TypeParam;
  EXPECT_EQ(exponential(-std::numeric_limits<Real>::infinity()), 0);
  EXPECT_EQ(exponential(std::numeric_limits<Real>::lowest()), 0);
  EXPECT_EQ(exponential(Real(-800)), 0);
  EXPECT_EQ(exponential(Real(0)), 1);
  EXPECT_EQ(exponential(Real(-0.0)), 1);
  EXPECT_GT(exponential(Real(1000)), std::numeric_limits<Real>::max() / 10);
  EXPECT_TRUE(std::isfinite(exponential(std::numeric_limits<Real>::max())));
}

TYPED_TEST(Elementary, one_minus_exp_of_minus_to_three_units) {
  using Real = TypeParam;
  EXPECT_LE(this->worst(this->arguments(0, 800), one_minus_exp_of_minus<Real>,
                        [](Quad x) { return -reference::quad_expm1(-x); }),
            3);
  EXPECT_LE(this->worst(this->arguments(0, 2), one_minus_exp_of_minus<Real>,
                        [](Quad x) { return -reference::quad_expm1(-x); }),
            3);
  EXPECT_EQ(one_minus_exp_of_minus(std::numeric_limits<Real>::infinity()), 1);
}

TYPED_TEST(Elementary, decay_to_three_units_in_both_parts) {
  using Real = TypeParam;
  Real const high = sizeof(Real) == 8 ? 708 : 87;
  EXPECT_LE(this->worst(
                this->arguments(0, high), [](Real x) { return decay(x).value; },
                [](Quad x) { return reference::quad_exp(-x); }),
            3);
  EXPECT_LE(this->worst(
                this->arguments(-2, 2), [](Real x) { return decay(x).fallen; },
                [](Quad x) { return -reference::quad_expm1(-x); }),
            3);
  EXPECT_EQ(decay(std::numeric_limits<Real>::infinity()).value, 0);
  EXPECT_EQ(decay(std::numeric_limits<Real>::infinity()).fallen, 1);
}

TYPED_TEST(Elementary, log_of_one_plus_to_three_units) {
  EXPECT_LE(this->worst(this->arguments(0, 1), log_of_one_plus<TypeParam>, reference::quad_log1p),
            3);
}

}  // namespace
}  // namespace widelimit::kernels
