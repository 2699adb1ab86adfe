#include "widelimit/regression/cholesky_regression.hpp"

#include <limits>
#include <regex>

#include <gtest/gtest.h>

#include "support/matrices.hpp"

namespace widelimit::regression {
namespace {

using linalg::DistributedMatrix;
using linalg::Part;
using linalg::ReplicatedMatrix;

constexpr Index n = 257;
constexpr Index block = 32;

TEST(Ridge, rounds_up_to_one_digit) {
  EXPECT_EQ(round_up_to_one_digit(3e-5), 3e-5);
  EXPECT_EQ(round_up_to_one_digit(3.01e-5), 4e-5);
  EXPECT_EQ(round_up_to_one_digit(9.2), 10);
  EXPECT_EQ(round_up_to_one_digit(1), 1);
  EXPECT_EQ(round_up_to_one_digit(1234), 2000);
}

template <class Real>
class Regression : public testing::Test {
 protected:
  static constexpr double eps = std::numeric_limits<Real>::epsilon();
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Regression, Reals);

TYPED_TEST(Regression, solves_for_alpha_and_predicts) {
  auto const k = test::random_spd(n, n, 0.1, 31);
  auto const y = test::random_matrix(n, 4, 32);
  double trace = 0;
  for (Index i = 0; i < n; ++i) trace += k(i, i);
  for (Ridge const ridge : {Ridge{0.3, RidgeScale::absolute},
                            Ridge{0.3 * static_cast<double>(n) / trace, RidgeScale::relative}}) {
    CholeskyRegression<TypeParam> const regression(
        test::distribute<TypeParam>(k, block, Part::lower), ridge, "NTK");
    EXPECT_NEAR(regression.shift(), 0.3, 10 * this->eps);
    auto const solution = regression.solve(y);
    EXPECT_LT(solution.residual, 10 * this->eps);
    auto const ka = test::product(k, solution.alpha);
    EXPECT_LT(test::relative_difference(solution.train_predictions, ka), 100 * this->eps);
    auto back = ka;
    for (std::size_t i = 0; i < back.values.size(); ++i)
      back.values[i] += 0.3 * solution.alpha.values[i];
    EXPECT_LT(test::relative_difference(back, y), 100 * this->eps);
    auto const cross = test::random_matrix(n, 70, 33);
    EXPECT_LT(test::relative_difference(
                  predict(test::distribute<TypeParam>(cross, block), solution.alpha),
                  test::product(test::transpose(cross), solution.alpha)),
              100 * this->eps);
  }
}

TEST(Refinement, gives_a_single_precision_factor_a_double_residual) {
  auto const k = test::random_spd(n, n, 0.1, 34);
  auto const y = test::random_matrix(n, 2, 35);
  CholeskyRegression<float> const regression(test::distribute<float>(k, block, Part::lower), {},
                                             "NTK");
  auto const solution = regression.solve(y);
  EXPECT_TRUE(solution.refined);
  EXPECT_LT(solution.residual, 1e-9);  // 1e-5 or so without
}

TYPED_TEST(Regression, equal_rows_are_refused_with_a_ridge_that_will_do) {
  auto points = test::random_matrix(n, 60, 36);
  auto const y = test::random_matrix(n, 1, 37);
  for (Index j = 0; j < 60; ++j) points(200, j) = points(3, j);
  auto const k = test::outer_product(points, points);  // rank 60
  for (RidgeScale const scale : {RidgeScale::relative, RidgeScale::absolute}) {
    // A ridge below zero makes sure of the failure; rounding alone might forgive.
    Ridge const ridge{-1e-3, scale};
    auto const fill = [&] { return test::distribute<TypeParam>(k, block, Part::lower); };
    try {
      CholeskyRegression<TypeParam> const regression(fill(), ridge, "NTK", {"job.yaml", 12, ""});
      FAIL();
    } catch (InputError const& e) {
      std::string const text = e.what();
      EXPECT_EQ(text.find("job.yaml:12: job.ridge: the NTK kernel of the 257 training points"), 0U)
          << text;
      EXPECT_NE(text.find("is zero to rounding"), std::string::npos) << text;
      EXPECT_NE(text.find("Equal or almost equal rows"), std::string::npos) << text;
      std::smatch found;
      std::regex const pattern("A ridge of \\{value: ([^,]*), scale: (relative|absolute)\\}");
      ASSERT_TRUE(std::regex_search(text, found, pattern)) << text;
      EXPECT_EQ(found[2] == "relative", scale == RidgeScale::relative) << text;
      Ridge const enough{std::stod(found[1]), scale};
      EXPECT_LT(enough.value, 3e4 * this->eps) << text;
      CholeskyRegression<TypeParam> const regression(fill(), enough, "NTK");
      EXPECT_LT(regression.solve(y).residual, 0.1) << text;
    }
  }
}

TYPED_TEST(Regression, a_negative_eigenvalue_is_named) {
  auto const k = test::random_spd(n, 60, -0.25, 38);
  try {
    CholeskyRegression<TypeParam> const regression(
        test::distribute<TypeParam>(k, block, Part::lower), {}, "NNGP");
    FAIL();
  } catch (InputError const& e) {
    EXPECT_NE(std::string(e.what()).find("smallest eigenvalue is about -2.50e-01"),
              std::string::npos)
        << e.what();
  }
}

TYPED_TEST(Regression, undefined_entries_are_an_error_of_their_own) {
  auto k = test::random_spd(n, n, 0.1, 39);
  k(150, 20) = std::numeric_limits<double>::quiet_NaN();
  try {
    CholeskyRegression<TypeParam> const regression(
        test::distribute<TypeParam>(k, block, Part::lower), {}, "NNGP");
    FAIL();
  } catch (InputError const& e) {
    EXPECT_NE(std::string(e.what()).find("not numbers"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace widelimit::regression
