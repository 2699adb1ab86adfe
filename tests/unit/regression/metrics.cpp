#include "widelimit/regression/metrics.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::regression {
namespace {

linalg::ReplicatedMatrix matrix(Index rows, Index cols, std::vector<double> values) {
  linalg::ReplicatedMatrix a(rows, cols);
  a.values = std::move(values);
  return a;
}

TEST(Metrics, mean_over_all_entries) {
  auto const y = matrix(2, 2, {1, 0, 0, 1});
  auto const f = matrix(2, 2, {0, 0, 2, 1});
  EXPECT_DOUBLE_EQ(mean_squared_error(f, y), 1.25);
  EXPECT_TRUE(std::isnan(mean_squared_error(matrix(0, 2, {}), matrix(0, 2, {}))));
  EXPECT_THROW(mean_squared_error(f, matrix(1, 4, {1, 0, 0, 1})), Error);
}

TEST(Metrics, accuracy_by_the_largest_of_several_columns) {
  auto const y = matrix(3, 3, {1, 0, 0, 0, 1, 0, 0, 0, 1});
  EXPECT_DOUBLE_EQ(accuracy(matrix(3, 3, {5, 1, 2, 0, 1, 3, -9, -9, -1}), y), 2.0 / 3.0);
}

TEST(Metrics, accuracy_by_the_side_of_a_threshold_for_one_column) {
  EXPECT_DOUBLE_EQ(accuracy(matrix(4, 1, {0.3, -2, -1, 5}), matrix(4, 1, {1, -1, 1, 1})), 0.75);
  EXPECT_DOUBLE_EQ(accuracy(matrix(2, 1, {0.3, 0.7}), matrix(2, 1, {0, 1}), 0.5), 1.0);
}

}  // namespace
}  // namespace widelimit::regression
