#include "widelimit/linalg/cholesky.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "widelimit/linalg/detail/scalapack.hpp"
#include "widelimit/linalg/symmetric_factor.hpp"

#include "support/matrices.hpp"

namespace widelimit::linalg {
namespace {

constexpr Index n = 257;  // a ragged last block
constexpr Index block = 32;

template <class Real>
class Cholesky : public testing::Test {
 protected:
  static constexpr double eps = std::numeric_limits<Real>::epsilon();
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Cholesky, Reals);

/// L of LAPACK on this rank alone; zero above the diagonal.
template <class Real>
ReplicatedMatrix lapack_factor(ReplicatedMatrix const& a) {
  std::vector<Real> entries(a.values.begin(), a.values.end());  // symmetric: either order
  int const size = static_cast<int>(a.rows);
  int info = 0;
  detail::Scalapack<Real>::potrf("L", &size, entries.data(), &size, &info, 1);
  EXPECT_EQ(info, 0);
  ReplicatedMatrix l(a.rows, a.rows);
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j <= i; ++j) l(i, j) = entries[static_cast<std::size_t>(i + j * a.rows)];
  return l;
}

TYPED_TEST(Cholesky, factor_is_that_of_lapack_and_the_upper_triangle_stays) {
  auto const a = test::random_spd(n, n, 0.5, 7);
  auto l = test::distribute<TypeParam>(a, block);
  ASSERT_TRUE(potrf(l).ok());
  auto const whole = l.gather();
  auto lower = whole;
  for (Index i = 0; i < n; ++i)
    for (Index j = i + 1; j < n; ++j) {
      ASSERT_EQ(whole(i, j), static_cast<TypeParam>(a(i, j)));
      lower(i, j) = 0;
    }
  double const tolerance = std::is_same_v<TypeParam, double> ? 1e-13 : 1e-5;
  EXPECT_LT(test::relative_difference(lower, lapack_factor<TypeParam>(a)), tolerance);
}

TYPED_TEST(Cholesky, solve_leaves_a_small_scaled_residual) {
  auto a = test::random_spd(n, n, 0.5, 8);
  for (double& entry : a.values) entry = static_cast<TypeParam>(entry);
  auto b = test::random_matrix(n, 3, 9);
  for (double& entry : b.values) entry = static_cast<TypeParam>(entry);
  SymmetricFactor<TypeParam> factor(test::distribute<TypeParam>(a, block, Part::lower));
  ASSERT_TRUE(factor.factorize(0).ok());
  auto const x = factor.solve(b);
  auto const ax = test::product(a, x);
  double residual = 0;
  double norm_a = 0;
  double norm_x = 0;
  for (Index i = 0; i < n; ++i) {
    double row = 0;
    for (Index j = 0; j < n; ++j) row += std::abs(a(i, j));
    norm_a = std::max(norm_a, row);
    for (Index c = 0; c < 3; ++c) {
      residual = std::max(residual, std::abs(ax(i, c) - b(i, c)));
      norm_x = std::max(norm_x, std::abs(x(i, c)));
    }
  }
  EXPECT_LT(residual / (static_cast<double>(n) * norm_a * norm_x), 3 * this->eps);
  // The original is still there beside its factor.
  EXPECT_LT(test::relative_difference(factor.multiply(x), ax), 1e-14);
}

TYPED_TEST(Cholesky, half_solves_make_a_whole_one) {
  auto const a = test::random_spd(n, n, 0.5, 10);
  auto l = test::distribute<TypeParam>(a, block);
  ASSERT_TRUE(potrf(l).ok());
  auto const whole_l = lapack_factor<double>(a);
  auto const b = test::random_matrix(n, 70, 11);
  auto x = test::distribute<TypeParam>(b, block);
  trsm(Op::plain, l, x);
  EXPECT_LT(test::relative_difference(test::product(whole_l, x.gather()), b), 1000 * this->eps);
  trsm(Op::transposed, l, x);
  auto y = test::distribute<TypeParam>(b, block);
  potrs(l, y);
  EXPECT_LT(test::relative_difference(x.gather(), y.gather()), 1000 * this->eps);
}

TYPED_TEST(Cholesky, all_ranks_learn_the_failing_pivot) {
  for (Index pivot : {Index{0}, Index{40}, Index{130}, n - 1}) {
    auto a = test::random_spd(n, n, 0.5, 12);
    a(pivot, pivot) = -1;
    auto l = test::distribute<TypeParam>(a, block);
    auto const result = potrf(l);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(*result.failed_pivot, pivot);
  }
}

TYPED_TEST(Cholesky, what_is_not_a_number_fails) {
  auto a = test::random_spd(n, n, 0.5, 13);
  a(200, 100) = std::numeric_limits<double>::quiet_NaN();
  auto l = test::distribute<TypeParam>(a, block);
  EXPECT_FALSE(potrf(l).ok());
}

TYPED_TEST(Cholesky, a_matrix_can_be_factorised_again_with_another_shift) {
  auto const a = test::random_spd(n, n, 0.5, 14);
  SymmetricFactor<TypeParam> factor(test::distribute<TypeParam>(a, block, Part::lower));
  EXPECT_FALSE(factor.factorize(-100).ok());
  ASSERT_TRUE(factor.factorize(3).ok());
  auto shifted = a;
  for (Index i = 0; i < n; ++i) shifted(i, i) += 3;
  auto const b = test::random_matrix(n, 2, 15);
  EXPECT_LT(test::relative_difference(test::product(shifted, factor.solve(b)), b),
            1000 * this->eps);
}

TEST(CholeskySizes, one_row_and_matrices_smaller_than_the_grid) {
  for (Index size : {1, 2, 5}) {
    auto const a = test::random_spd(size, size, 1.0, 16);
    SymmetricFactor<double> factor(test::distribute<double>(a, 64, Part::lower));
    ASSERT_TRUE(factor.factorize(0).ok());
    auto const b = test::random_matrix(size, 2, 17);
    EXPECT_LT(test::relative_difference(test::product(a, factor.solve(b)), b), 1e-13);
  }
}

TYPED_TEST(Cholesky, leading_blocks_are_solved_from_the_factor_of_the_whole) {
  auto const a = test::random_spd(n, n, 0.5, 10);
  auto const b = test::random_matrix(n, 3, 11);
  SymmetricFactor<TypeParam> whole(test::distribute<TypeParam>(a, block, Part::lower));
  ASSERT_TRUE(whole.factorize(0.1).ok());
  std::vector<Index> const sizes{1, 31, 32, 100, n};
  auto const found = whole.solve_leading(b, sizes);
  ASSERT_EQ(found.cols, 3 * static_cast<Index>(sizes.size()));
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    Index const size = sizes[k];
    ReplicatedMatrix part(size, size), y(size, 3), x(size, 3);
    for (Index i = 0; i < n; ++i) {
      for (Index c = 0; c < 3; ++c) {
        double const entry = found(i, static_cast<Index>(k) * 3 + c);
        if (i >= size) {
          ASSERT_EQ(entry, 0);
          continue;
        }
        x(i, c) = entry;
        y(i, c) = b(i, c);
      }
      if (i < size)
        for (Index j = 0; j < size; ++j) part(i, j) = a(i, j);
    }
    SymmetricFactor<TypeParam> alone(test::distribute<TypeParam>(part, block, Part::lower));
    ASSERT_TRUE(alone.factorize(0.1).ok());
    EXPECT_LT(test::relative_difference(x, alone.solve(y)), 1e4 * this->eps) << size;
  }
}

}  // namespace
}  // namespace widelimit::linalg
