#include "widelimit/interpreter/gaussian_stream.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace widelimit::interpreter {
namespace {

template <class Real = double>
std::vector<Real> fill(std::uint64_t seed, std::uint32_t object, Range rows, Range columns) {
  std::vector<Real> out(static_cast<std::size_t>(rows.size() * columns.size()));
  fill_gaussian(seed, object, rows, columns, out.data(), rows.size());
  return out;
}

TEST(GaussianStream, any_part_is_the_same_as_in_the_whole) {
  constexpr Index rows = 9001, columns = 5;
  auto const whole = fill(3, 7, {0, rows}, {0, columns});
  for (Range const part : {Range{0, 1}, Range{17, 4500}, Range{8999, rows}})
    for (Range const cols : {Range{0, 1}, Range{1, 2}, Range{1, 5}, Range{4, 5}}) {
      auto const some = fill(3, 7, part, cols);
      for (Index j = cols.begin; j < cols.end; ++j)
        for (Index i = part.begin; i < part.end; ++i)
          ASSERT_EQ(some[static_cast<std::size_t>(i - part.begin + (j - cols.begin) * part.size())],
                    whole[static_cast<std::size_t>(i + j * rows)]);
    }
}

TEST(GaussianStream, single_precision_is_the_rounded_double) {
  auto const wide = fill(1, 2, {0, 100}, {0, 3});
  auto const narrow = fill<float>(1, 2, {0, 100}, {0, 3});
  for (std::size_t i = 0; i < wide.size(); ++i) EXPECT_EQ(narrow[i], static_cast<float>(wide[i]));
}

TEST(GaussianStream, has_the_moments_of_a_normal_law_and_independent_columns_and_objects) {
  constexpr Index n = 200000;
  auto const a = fill(11, 0, {0, n}, {0, 2});
  auto const b = fill(11, 1, {0, n}, {0, 1});
  auto const other_seed = fill(12, 0, {0, n}, {0, 1});
  double const se = 1 / std::sqrt(static_cast<double>(n));
  double mean = 0, square = 0, fourth = 0, tail = 0, ab = 0, columns = 0, seeds = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    double const x = a[i];
    mean += x / n;
    square += x * x / n;
    fourth += x * x * x * x / n;
    tail += (x > 2 ? 1.0 : 0.0) / n;
    columns += x * a[i + static_cast<std::size_t>(n)] / n;
    ab += x * b[i] / n;
    seeds += x * other_seed[i] / n;
  }
  EXPECT_NEAR(mean, 0, 4 * se);
  EXPECT_NEAR(square, 1, 4 * se * std::sqrt(2.0));
  EXPECT_NEAR(fourth, 3, 4 * se * std::sqrt(96.0));
  EXPECT_NEAR(tail, 0.02275013, 4 * se * std::sqrt(0.0223));
  EXPECT_NEAR(columns, 0, 4 * se);
  EXPECT_NEAR(ab, 0, 4 * se);
  EXPECT_NEAR(seeds, 0, 4 * se);
}

}  // namespace
}  // namespace widelimit::interpreter
