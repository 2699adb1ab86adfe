#include "widelimit/regression/equal_points.hpp"

#include <gtest/gtest.h>

namespace widelimit::regression {
namespace {

TEST(EqualPoints, are_found_with_those_that_contradict_each_other) {
  // Rows 1, 4 and 5 are equal; 2 is twice row 1; 3 and 6 are zero; 0 and 7 differ in the last bit.
  std::vector<double> const x{1,  2,   3, -1, 0.5, 4, -2, 1, 8, 0, 0, 0,
                              -1, 0.5, 4, -1, 0.5, 4, 0,  0, 0, 1, 2, std::nextafter(3.0, 4.0)};
  auto const points = gram::prepare_points(x, 8, 3);
  linalg::ReplicatedMatrix targets(8, 2);
  targets(5, 1) = 1;
  EXPECT_EQ(equal_points(points, targets),
            (std::vector<EqualPair>{{1, 4, false}, {1, 5, true}, {3, 6, false}}));
  auto const in_single = gram::prepare_points(std::vector<float>(x.begin(), x.end()), 8, 3);
  EXPECT_EQ(equal_points(in_single, targets).size(), 4U);  // 7 is rounded to 0
}

}  // namespace
}  // namespace widelimit::regression
