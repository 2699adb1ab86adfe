/// \file
/// Products of long columns with few columns against plain loops.
#include "interpreter/detail/narrow_product.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace widelimit::interpreter::detail {
namespace {

template <class Real>
void compare(Index rows, Index n, Index k) {
  Index const ldb = rows + 3, lds = k + 2, ldy = rows + 5;
  std::mt19937_64 engine(7);
  std::normal_distribution<double> normal;
  auto const random = [&](Index count) {
    std::vector<Real> values(static_cast<std::size_t>(count));
    for (Real& x : values) x = static_cast<Real>(normal(engine));
    return values;
  };
  auto const b = random(ldb * k + 1), s = random(lds * n + 1), before = random(ldy * n + 1);
  auto y = before;
  add_narrow_product(rows, n, k, b.data(), ldb, s.data(), lds, y.data(), ldy);
  for (std::size_t at = 0; at < y.size(); ++at) {
    auto const i = static_cast<Index>(at) % ldy, j = static_cast<Index>(at) / ldy;
    if (i >= rows || j >= n) {
      ASSERT_EQ(y[at], before[at]);
      continue;
    }
    double sum = static_cast<double>(before[at]), size = std::fabs(sum);
    for (Index p = 0; p < k; ++p) {
      double const term = static_cast<double>(b[static_cast<std::size_t>(i + p * ldb)]) *
                          static_cast<double>(s[static_cast<std::size_t>(p + j * lds)]);
      sum += term;
      size += std::fabs(term);
    }
    ASSERT_NEAR(y[at], sum, 2 * size * static_cast<double>(std::numeric_limits<Real>::epsilon()))
        << rows << " x " << n << ", " << k;
  }
}

TEST(NarrowProduct, is_that_of_plain_loops) {
  for (Index const rows : {0, 1, 7, 16, 33, 130})
    for (Index const n : {1, 2, 3, 7, 8, 13, 32})
      for (Index const k : {0, 1, 5, 8, 15, 24}) {
        compare<float>(rows, n, k);
        compare<double>(rows, n, k);
      }
}

}  // namespace
}  // namespace widelimit::interpreter::detail
