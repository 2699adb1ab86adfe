#include "widelimit/regression/loss.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace widelimit::regression {
namespace {

TEST(Loss, values_by_hand) {
  double g[3];
  double const f[3] = {1, -2, 0.5}, y[3] = {0, 1, 0};
  EXPECT_NEAR(loss_and_gradient(Loss::squared, f, y, 3, 1, g), (1 + 9 + 0.25) / 2, 1e-15);
  double const z = std::exp(1.0) + std::exp(-2.0) + std::exp(0.5);
  EXPECT_NEAR(loss_and_gradient(Loss::softmax, f, y, 3, 1, g), 2 + std::log(z), 1e-15);
  EXPECT_NEAR(loss_and_gradient(Loss::logistic, f + 1, y + 1, 1, 1, g), std::log(1 + std::exp(2.0)),
              1e-15);
}

TEST(Loss, gradients_are_those_of_the_values) {
  double const y[3] = {0.2, 0.5, 0.3};
  for (Loss const loss : {Loss::squared, Loss::softmax, Loss::logistic}) {
    double f[6] = {0.3, 9, -1.2, 9, 2.1, 9}, g[6], unused[6];
    double spaced[6] = {y[0], 0, y[1], 0, y[2], 0};
    loss_and_gradient(loss, f, spaced, 3, 2, g);
    for (int c = 0; c < 6; c += 2) {
      constexpr double h = 1e-6;
      f[c] += h;
      double const above = loss_and_gradient(loss, f, spaced, 3, 2, unused);
      f[c] -= 2 * h;
      double const below = loss_and_gradient(loss, f, spaced, 3, 2, unused);
      f[c] += h;
      EXPECT_NEAR(g[c], (above - below) / (2 * h), 1e-9);
    }
  }
}

TEST(Loss, large_outputs_stay_finite) {
  double g[2];
  double const f[2] = {1000, -1000}, y[2] = {0, 1};
  EXPECT_EQ(loss_and_gradient(Loss::softmax, f, y, 2, 1, g), 2000);
  EXPECT_EQ(g[0], 1);
  EXPECT_EQ(loss_and_gradient(Loss::logistic, f, y, 2, 1, g), 2000);
  EXPECT_EQ(g[1], -1);
}

}  // namespace
}  // namespace widelimit::regression
