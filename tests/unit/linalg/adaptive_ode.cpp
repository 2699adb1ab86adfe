#include "widelimit/linalg/adaptive_ode.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace widelimit::linalg {
namespace {

using Vector = std::vector<double>;

AdaptiveOde::Norm norm_for(double tolerance) {
  return [tolerance](Vector const& error, Vector const& y) {
    double worst = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      double const one = std::abs(error[i]) / (tolerance * (1 + std::abs(y[i])));
      if (!(one <= worst)) worst = one;
    }
    return worst;
  };
}

bool go_on(OdeState const&) {
  return false;
}

/// y′ = -rates·(y - 1), from 0.
struct Relaxation {
  Vector rates;
  bool operator()(Vector const& y, Vector& dy) const {
    for (std::size_t i = 0; i < y.size(); ++i) dy[i] = -rates[i] * (y[i] - 1);
    return true;
  }
};

TEST(AdaptiveOde, error_follows_the_tolerance) {
  for (double const tolerance : {1e-4, 1e-7, 1e-10}) {
    // A pendulum, whose energy is kept.
    AdaptiveOde const ode(
        [](Vector const& y, Vector& dy) {
          dy[0] = y[1];
          dy[1] = -std::sin(y[0]);
          return true;
        },
        norm_for(tolerance), {});
    OdeState state;
    state.y = {2, 0};
    ASSERT_EQ(ode.run(state, 20, go_on), AdaptiveOde::End::reached);
    EXPECT_EQ(state.time, 20);
    double const energy = state.y[1] * state.y[1] / 2 - std::cos(state.y[0]);
    EXPECT_LT(std::abs(energy + std::cos(2.0)), 100 * tolerance);
  }
}

TEST(AdaptiveOde, stiff_equations_are_solved_with_few_evaluations) {
  Relaxation const relaxation{{1e3, 40, 1, 1e-2, 1e-4}};
  auto const solve = [&](AdaptiveOde::Radius const& radius, double tolerance) {
    OdeState state;
    state.y.assign(5, 0.0);
    AdaptiveOde const ode(relaxation, norm_for(tolerance), radius);
    EXPECT_EQ(ode.run(state, 1e3, go_on), AdaptiveOde::End::reached);
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(state.y[i], -std::expm1(-relaxation.rates[i] * 1e3), 100 * tolerance);
    return state.evaluations;
  };
  Index const with = solve([](Vector const&) { return 1e3; }, 1e-6);
  Index const without = solve({}, 1e-6);
  EXPECT_LT(with, without / 20);
}

TEST(AdaptiveOde, goes_on_bit_for_bit) {
  Relaxation const relaxation{{300, 2, 0.1}};
  AdaptiveOde const ode(relaxation, norm_for(1e-6), [](Vector const&) { return 300.0; });
  OdeState whole, cut;
  whole.y = cut.y = Vector(3, 0.0);
  ASSERT_EQ(ode.run(whole, 50, go_on), AdaptiveOde::End::reached);
  int rounds = 0;
  while (ode.run(cut, 50, [](OdeState const& state) { return state.steps % 7 == 0; }) ==
         AdaptiveOde::End::interrupted)
    ++rounds;
  EXPECT_GT(rounds, 10);
  EXPECT_EQ(cut.y, whole.y);
  EXPECT_EQ(cut.steps, whole.steps);
}

TEST(AdaptiveOde, says_where_a_solution_ends) {
  AdaptiveOde const ode(
      [](Vector const& y, Vector& dy) {
        dy[0] = y[0] * y[0];  // 1/(1 - t)
        return true;
      },
      norm_for(1e-8), {});
  OdeState state;
  state.y = {1};
  EXPECT_EQ(ode.run(state, 2, go_on), AdaptiveOde::End::too_small);
  EXPECT_NEAR(state.time, 1, 1e-6);
}

}  // namespace
}  // namespace widelimit::linalg
