/// \file
/// log, sin, cos, erf and the normal distribution against 113 bits.
#include "widelimit/kernels/transcendental.hpp"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "reference/quad.hpp"

namespace widelimit::kernels {
namespace {

using reference::Quad;

template <class Real>
class Transcendental : public testing::Test {
 protected:
  static constexpr double eps = std::numeric_limits<Real>::epsilon();

  /// The largest |f(x) - exact(x)| in units of ε·scale(exact) over uniform x in [low, high].
  template <class F, class G>
  static double worst(double low, double high, bool relative, F const& f, G const& exact) {
    std::mt19937_64 engine(5);
    std::uniform_real_distribution<double> uniform(low, high);
    double error = 0;
    for (int k = 0; k < 20000; ++k) {
      auto const x = static_cast<Real>(uniform(engine));
      auto const expected = exact(static_cast<Quad>(x));
      auto const difference = reference::quad_abs(static_cast<Quad>(f(x)) - expected);
      auto const scale = relative ? reference::quad_abs(expected) : Quad(1);
      error = std::fmax(error, static_cast<double>(difference / scale) / eps);
    }
    return error;
  }
};

using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Transcendental, Reals);

TYPED_TEST(Transcendental, logarithm) {
  using Real = TypeParam;
  auto const exact = [](Quad x) { return reference::quad_log1p(x - 1); };
  EXPECT_LE(this->worst(0.01, 2, true, logarithm<Real>, exact), 3);
  EXPECT_LE(this->worst(1e-30, 1e30, true, logarithm<Real>, exact), 3);
  EXPECT_EQ(logarithm(Real(1)), 0);
  EXPECT_EQ(logarithm(Real(0)), -std::numeric_limits<Real>::infinity());
  EXPECT_TRUE(std::isnan(logarithm(Real(-1))));
  EXPECT_TRUE(std::isnan(logarithm(std::numeric_limits<Real>::quiet_NaN())));
  EXPECT_EQ(logarithm(std::numeric_limits<Real>::infinity()),
            std::numeric_limits<Real>::infinity());
}

TYPED_TEST(Transcendental, sine_and_cosine) {
  using Real = TypeParam;
  double const far = sizeof(Real) == 8 ? 1e7 : 1e3;
  auto const sine_of = [](Real x) { return sine(x); };
  EXPECT_LE(this->worst(-1.5, 1.5, true, sine_of, reference::quad_sin), 2);
  EXPECT_LE(this->worst(-far, far, false, sine_of, reference::quad_sin), 3);
  EXPECT_LE(this->worst(-far, far, false, cosine<Real>, reference::quad_cos), 3);
  EXPECT_EQ(sine(Real(0)), 0);
  EXPECT_NEAR(cosine(Real(0)), 1, this->eps);
  EXPECT_TRUE(std::isnan(sine(std::numeric_limits<Real>::quiet_NaN())));
}

TYPED_TEST(Transcendental, error_function_and_normal_distribution) {
  using Real = TypeParam;
  EXPECT_LE(this->worst(-6, 6, true, error_function<Real>, reference::quad_erf), 3);
  EXPECT_LE(this->worst(-1e-3, 1e-3, true, error_function<Real>, reference::quad_erf), 2);
  auto const distribution = [](Quad x) {
    return reference::quad_erfc(-x / reference::quad_sqrt(Quad(2))) / 2;
  };
  EXPECT_LE(this->worst(-1, 8, true, normal_distribution<Real>, distribution), 4);
  EXPECT_LE(this->worst(-8, -1, true, normal_distribution<Real>, distribution), 64);
  auto const infinity = std::numeric_limits<Real>::infinity();
  EXPECT_EQ(normal_distribution(infinity), 1);
  EXPECT_LT(normal_distribution(-infinity), 1e-37);
  EXPECT_EQ(error_function(-infinity), -1);
  EXPECT_TRUE(std::isnan(error_function(std::numeric_limits<Real>::quiet_NaN())));
}

}  // namespace
}  // namespace widelimit::kernels
