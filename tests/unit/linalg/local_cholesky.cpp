#include "widelimit/linalg/local_cholesky.hpp"

#include <gtest/gtest.h>

#include "widelimit/runtime/error.hpp"

#include "support/matrices.hpp"

namespace widelimit::linalg {
namespace {

TEST(LocalCholesky, solves_and_divides) {
  constexpr Index n = 20, columns = 3;
  auto const a = test::random_spd(n, n, 0.2, 1);
  LocalCholesky const factor(a.values, n, 0.5, 1e-3);
  EXPECT_EQ(factor.shift(), 0.5);
  auto shifted = a;
  for (Index i = 0; i < n; ++i) shifted(i, i) += 0.5;

  auto const x = test::random_matrix(n, columns, 2);
  auto b = test::transpose(test::product(shifted, x));  // column-major
  factor.solve(b.values.data(), columns);
  EXPECT_LT(test::relative_difference(b, test::transpose(x)), 1e-12);

  // (B·L⁻ᵀ)·(B·L⁻ᵀ)ᵀ = B·A⁻¹·Bᵀ
  auto const rows = test::random_matrix(5, n, 3);
  auto divided = rows;
  factor.divide_right(divided.values.data(), 5);
  auto solved = rows;  // row-major 5 x n: its transpose column by column
  factor.solve(solved.values.data(), 5);
  EXPECT_LT(test::relative_difference(test::outer_product(divided, divided),
                                      test::outer_product(rows, solved)),
            1e-12);
}

TEST(LocalCholesky, raises_the_shift_until_it_is_enough) {
  constexpr Index n = 12;
  auto const a = test::random_spd(n, 4, -0.05, 4);  // smallest eigenvalue -0.05
  LocalCholesky const factor(a.values, n, 0, 1e-4);
  EXPECT_GT(factor.shift(), 0.05);
  EXPECT_LT(factor.shift(), 0.11);
}

TEST(LocalCholesky, what_is_not_a_number_is_an_error) {
  EXPECT_THROW(LocalCholesky({NAN}, 1, 0, 1e-3), Error);
}

}  // namespace
}  // namespace widelimit::linalg
