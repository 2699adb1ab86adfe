#include "widelimit/linalg/products.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "widelimit/linalg/norms.hpp"

#include "support/matrices.hpp"

namespace widelimit::linalg {
namespace {

constexpr Index n = 131;
constexpr Index m = 45;
constexpr Index block = 16;

template <class Real>
class Products : public testing::Test {
 protected:
  static constexpr double tolerance =
      300 * static_cast<double>(std::numeric_limits<Real>::epsilon());
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Products, Reals);

ReplicatedMatrix lower_part(ReplicatedMatrix a) {
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = i + 1; j < a.cols; ++j) a(i, j) = 0;
  return a;
}

ReplicatedMatrix combine(double alpha, ReplicatedMatrix a, double beta, ReplicatedMatrix const& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i)
    a.values[i] = alpha * a.values[i] + beta * b.values[i];
  return a;
}

TYPED_TEST(Products, symm_reads_the_lower_triangle) {
  auto const a = test::random_spd(n, n, 0, 1);
  auto const b = test::random_matrix(n, m, 2);
  auto const c = test::random_matrix(n, m, 3);
  auto const da = test::distribute<TypeParam>(a, block, Part::lower);
  auto const db = test::distribute<TypeParam>(b, block);
  auto dc = test::distribute<TypeParam>(c, block);
  symm(TypeParam(0.5), da, db, TypeParam(-1), dc);
  EXPECT_LT(test::relative_difference(dc.gather(), combine(0.5, test::product(a, b), -1, c)),
            this->tolerance);
}

TYPED_TEST(Products, rank_updates_fill_the_lower_triangle) {
  auto const a = test::random_matrix(n, m, 4);
  auto const b = test::random_matrix(n, m, 5);
  auto const c = test::random_spd(m, m, 1, 6);
  auto const da = test::distribute<TypeParam>(a, block);
  auto const db = test::distribute<TypeParam>(b, block);
  auto const at = test::transpose(a);
  auto const bt = test::transpose(b);

  auto dc = test::distribute<TypeParam>(c, block);
  syrk_transposed(TypeParam(-1), da, TypeParam(2), dc);
  EXPECT_LT(test::relative_difference(lower_part(dc.gather()),
                                      lower_part(combine(-1, test::outer_product(at, at), 2, c))),
            this->tolerance);

  auto dd = test::distribute<TypeParam>(c, block);
  syr2k_transposed(TypeParam(3), da, db, TypeParam(1), dd);
  auto const ab = test::outer_product(at, bt);
  EXPECT_LT(test::relative_difference(
                lower_part(dd.gather()),
                lower_part(combine(3, combine(1, ab, 1, test::transpose(ab)), 1, c))),
            this->tolerance);
}

TYPED_TEST(Products, replicated_products_accumulate_in_double) {
  auto a = test::random_spd(n, n, 0, 7);
  for (double& entry : a.values) entry = static_cast<TypeParam>(entry);
  std::vector<double> diagonal(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) diagonal[static_cast<std::size_t>(i)] = a(i, i);
  auto upper = a;  // what a factor would leave below
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j <= i; ++j) upper(i, j) = 1e6;
  auto const da = test::distribute<TypeParam>(upper, block);
  for (Index cols : {1, 4}) {
    auto const x = test::random_matrix(n, cols, 8);
    EXPECT_LT(test::relative_difference(multiply_symmetric(da, diagonal, x), test::product(a, x)),
              1e-14);
    auto b = test::random_matrix(n, m, 9);
    for (double& entry : b.values) entry = static_cast<TypeParam>(entry);
    auto const db = test::distribute<TypeParam>(b, block);
    EXPECT_LT(
        test::relative_difference(multiply_transposed(db, x), test::product(test::transpose(b), x)),
        1e-14);
  }
}

TYPED_TEST(Products, norms_and_column_sums) {
  auto a = test::random_matrix(n, m, 10);
  auto b = test::random_matrix(n, m, 11);
  a(100, 7) = -3;
  for (double& entry : a.values) entry = static_cast<TypeParam>(entry);
  for (double& entry : b.values) entry = static_cast<TypeParam>(entry);
  auto da = test::distribute<TypeParam>(a, block);
  auto const db = test::distribute<TypeParam>(b, block);
  EXPECT_EQ(max_abs(da), 3);
  double inf = 0;
  for (Index i = 0; i < n; ++i) {
    double sum = 0;
    for (Index j = 0; j < m; ++j) sum += std::abs(a(i, j));
    inf = std::max(inf, sum);
  }
  EXPECT_NEAR(inf_norm(da), inf, 1e-13 * inf);
  auto const dots = column_dots(da, db);
  for (Index j = 0; j < m; ++j) {
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += a(i, j) * b(i, j);
    ASSERT_NEAR(dots[static_cast<std::size_t>(j)], sum, 1e-13 * n);
  }
  if (da.owns(5, 5)) da.global(5, 5) = std::numeric_limits<TypeParam>::quiet_NaN();
  EXPECT_TRUE(std::isnan(max_abs(da)));
}

}  // namespace
}  // namespace widelimit::linalg
