#include "widelimit/linalg/eigen.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "widelimit/linalg/products.hpp"
#include "widelimit/runtime/error.hpp"

#include "support/matrices.hpp"

namespace widelimit::linalg {
namespace {

constexpr Index block = 16;

TEST(Eigen, vectors_diagonalise_and_are_orthonormal) {
  for (Index const n : {1, 5, 67}) {
    auto const a = test::random_spd(n, n, 0.1, 3);
    auto const system = symmetric_eigen(test::distribute<double>(a, block, Part::lower));
    auto const v = system.vectors.gather();
    auto scaled = v;
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) scaled(i, j) *= system.values[static_cast<std::size_t>(j)];
    EXPECT_LT(test::relative_difference(test::outer_product(scaled, v), a), 1e-13) << n;
    ReplicatedMatrix identity(n, n);
    for (Index i = 0; i < n; ++i) identity(i, i) = 1;
    EXPECT_LT(test::relative_difference(test::product(test::transpose(v), v), identity), 1e-13);
    EXPECT_TRUE(std::ranges::is_sorted(system.values));
  }
}

TEST(Eigen, known_spectrum_of_the_second_difference) {
  constexpr Index n = 40;
  ReplicatedMatrix a(n, n);
  for (Index i = 0; i < n; ++i) {
    a(i, i) = 2;
    if (i > 0) a(i, i - 1) = a(i - 1, i) = -1;
  }
  auto const system = symmetric_eigen(test::distribute<double>(a, block, Part::lower));
  for (Index k = 0; k < n; ++k) {
    double const expected = 2 - 2 * std::cos(M_PI * static_cast<double>(k + 1) / (n + 1));
    EXPECT_NEAR(system.values[static_cast<std::size_t>(k)], expected, 1e-13);
  }
}

TEST(Eigen, refuses_entries_that_are_no_numbers) {
  auto a = test::random_spd(20, 20, 1, 4);
  a(17, 3) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(symmetric_eigen(test::distribute<double>(a, block, Part::lower)), InputError);
}

TEST(Gemm, is_the_product_by_definition_in_all_forms) {
  for (Op const op_a : {Op::plain, Op::transposed}) {
    for (Op const op_b : {Op::plain, Op::transposed}) {
      auto const a = test::random_matrix(37, 21, 1), b = test::random_matrix(21, 50, 2);
      auto const from_a = op_a == Op::plain ? a : test::transpose(a);
      auto const from_b = op_b == Op::plain ? b : test::transpose(b);
      auto c = test::distribute<double>(test::random_matrix(37, 50, 3), block);
      auto expected = test::product(a, b);
      for (std::size_t k = 0; k < expected.values.size(); ++k)
        expected.values[k] = 2 * expected.values[k] - test::random_matrix(37, 50, 3).values[k];
      gemm(op_a, op_b, 2.0, test::distribute<double>(from_a, block),
           test::distribute<double>(from_b, block), -1.0, c);
      EXPECT_LT(test::relative_difference(c.gather(), expected), 1e-14);
    }
  }
}

}  // namespace
}  // namespace widelimit::linalg
