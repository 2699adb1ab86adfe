#include "widelimit/linalg/definiteness.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "widelimit/linalg/detail/scalapack.hpp"
#include "widelimit/linalg/lanczos.hpp"

#include "support/matrices.hpp"

namespace widelimit::linalg {
namespace {

TEST(Lanczos, finds_the_ends_of_a_known_spectrum) {
  auto const world = runtime::Communicator::world();
  Index const n = 300;
  auto const apply = [](std::vector<double> const& x) {
    auto y = x;  // eigenvalues -2, 1 + i/n, 50
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] *= i == 0 ? -2.0 : i == 1 ? 50.0 : 1 + static_cast<double>(i) / 300;
    return y;
  };
  auto const ends = lanczos(world, n, 30, apply);
  EXPECT_NEAR(ends.min, -2, 1e-12);
  EXPECT_NEAR(ends.max, 50, 1e-12);
}

TEST(Lanczos, stops_where_the_space_is_exhausted) {
  auto const world = runtime::Communicator::world();
  auto const ends = lanczos(world, 50, 40, [](std::vector<double> x) {
    for (double& entry : x) entry *= 3;
    return x;
  });
  EXPECT_NEAR(ends.min, 3, 1e-13);
  EXPECT_NEAR(ends.max, 3, 1e-13);
  EXPECT_NEAR(lanczos(world, 1, 40, [](std::vector<double> const& x) { return x; }).max, 1, 1e-15);
}

template <class Real>
class AssessDefiniteness : public testing::Test {
 protected:
  static constexpr double eps = std::numeric_limits<Real>::epsilon();
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(AssessDefiniteness, Reals);

TYPED_TEST(AssessDefiniteness, measures_a_negative_eigenvalue) {
  Index const n = 150;
  auto const a = test::random_spd(n, 60, -0.25, 21);  // rank 60: the smallest eigenvalue is -0.25
  SymmetricFactor<TypeParam> factor(test::distribute<TypeParam>(a, 16, Part::lower));
  ASSERT_FALSE(factor.factorize(0).ok());
  auto const found = assess_definiteness(factor);
  EXPECT_NEAR(found.smallest_eigenvalue, -0.25, 100 * this->eps);
  EXPECT_GT(found.sufficient_shift, 0.25);
  EXPECT_LT(found.sufficient_shift, 2.5);
  EXPECT_TRUE(factor.factorize(found.sufficient_shift).ok());
}

TYPED_TEST(AssessDefiniteness, equal_rows_need_a_shift_of_rounding_size) {
  Index const n = 150;
  for (Index rank : {1, 20, 100}) {
    auto points = test::random_matrix(n, rank, 22);
    for (Index j = 0; j < rank; ++j) points(140, j) = points(17, j);
    auto const a = test::outer_product(points, points);
    SymmetricFactor<TypeParam> factor(test::distribute<TypeParam>(a, 16, Part::lower));
    auto const found = assess_definiteness(factor);
    EXPECT_LT(std::abs(found.smallest_eigenvalue), found.resolution);
    EXPECT_LE(found.sufficient_shift, 1000 * this->eps * a(0, 0) * static_cast<double>(n));
    EXPECT_TRUE(factor.factorize(found.sufficient_shift).ok());
  }
}

TYPED_TEST(AssessDefiniteness, a_matrix_of_zeros_has_an_answer) {
  SymmetricFactor<TypeParam> factor(DistributedMatrix<TypeParam>(test::world_grid(), 40, 40, 16));
  ASSERT_FALSE(factor.factorize(0).ok());
  EXPECT_GT(assess_definiteness(factor).sufficient_shift, 0);
}

}  // namespace
}  // namespace widelimit::linalg
