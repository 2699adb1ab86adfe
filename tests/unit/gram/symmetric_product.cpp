#include "widelimit/gram/symmetric_product.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "widelimit/io/tile_grid.hpp"
#include "widelimit/runtime/error.hpp"

#include "support/kernel_problem.hpp"
#include "support/matrices.hpp"

namespace widelimit::gram {
namespace {

using linalg::ReplicatedMatrix;

bool always() {
  return true;
}

template <class Real>
class Products : public testing::Test {
 protected:
  static constexpr double eps = std::numeric_limits<Real>::epsilon();

  /// K·X by parts of `side` points.
  static ReplicatedMatrix multiply(SymmetricProduct<Real> const& product, Index n, Index side,
                                   ReplicatedMatrix const& x,
                                   std::vector<Real> const* entries = nullptr,
                                   PartSums sums = PartSums::exact) {
    io::TileGrid const grid{n, n, side, io::Coverage::lower};
    auto const columns = test::transpose(x);
    ReplicatedMatrix y(x.cols, n);
    EXPECT_TRUE(product.add(
        grid.count(),
        [&](Index k) {
          MatrixPart<Real> part{grid.row_range(grid.id(k)), grid.col_range(grid.id(k))};
          if (entries != nullptr) {
            part.entries = entries->data() + part.rows.begin * n + part.cols.begin;
            part.ld = n;
          }
          return part;
        },
        columns.values.data(), y.values.data(), n, x.cols, sums, always));
    return test::transpose(y);
  }
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Products, Reals);

TYPED_TEST(Products, of_given_entries_are_those_of_a_dense_matrix) {
  constexpr Index n = 157;
  auto const rounded = [](ReplicatedMatrix matrix) {
    for (double& entry : matrix.values) entry = static_cast<TypeParam>(entry);
    return matrix;
  };
  auto const a = rounded(test::random_spd(n, n, 0.1, 1));
  std::vector<TypeParam> const entries(a.values.begin(), a.values.end());
  for (Index const columns : {1, 2, 3, 4, 7, 10, 64}) {
    auto const x = test::random_matrix(n, columns, 2);
    auto const expected = test::product(a, x);
    for (Index const side : {1, 13, 64, 200}) {
      EXPECT_LT(test::relative_difference(this->multiply({}, n, side, x, &entries), expected),
                1e-14);
      auto const rounded_sums = this->multiply({}, n, side, x, &entries, PartSums::working);
      EXPECT_LT(test::relative_difference(rounded_sums, expected), 50 * this->eps);
    }
  }
}

TYPED_TEST(Products, of_entries_made_on_the_way_are_those_of_the_kernel) {
  constexpr Index n = 1061;  // several whole parts and a ragged one
  test::KernelProblem<TypeParam> const problem(n, 6, 2, 3);
  for (Kernel const kernel : {Kernel::nngp, Kernel::ntk}) {
    auto const a = problem.matrix(kernel);
    SymmetricProduct<TypeParam> const product(problem.maker(kernel));
    for (Index const columns : {1, 5}) {
      auto const x = test::random_matrix(n, columns, 4);
      auto const y = this->multiply(product, n, part_side<TypeParam>, x);
      EXPECT_LT(test::relative_difference(y, test::product(a, x)), 20 * this->eps);
      EXPECT_EQ(y.values, this->multiply(product, n, part_side<TypeParam>, x).values);
    }
  }
}

TYPED_TEST(Products, stop_between_batches) {
  test::KernelProblem<TypeParam> const problem(10, 3, 1, 5);
  SymmetricProduct<TypeParam> const product(problem.maker(Kernel::ntk));
  std::vector<double> const x(10, 1);
  std::vector<double> y(10);
  EXPECT_FALSE(product.add(
      1,
      [](Index) {
        return MatrixPart<TypeParam>{{0, 10}, {0, 10}};
      },
      x.data(), y.data(), 10, 1, PartSums::working, [] { return false; }));
  EXPECT_EQ(y, std::vector<double>(10));
}

TEST(Products, entries_that_overflow_are_an_error) {
  Index const n = 3;
  auto points = prepare_points(std::vector<float>{1e15F, 2e15F, -1e15F}, n, 1);
  network::Sequence const network{{network::Dense{1e3, 0}, "dense", 0},
                                  {network::AbRelu{}, "relu", 0},
                                  {network::Dense{10, 0}, "dense", 0}};
  auto const program = gram::bind(gram::compile(network), std::vector{&points});
  SymmetricProduct<float> const product(PartMaker<float>{program, points, Kernel::ntk});
  std::vector<double> const x(3, 1);
  std::vector<double> y(3);
  EXPECT_THROW(product.add(
                   1,
                   [](Index) {
                     return MatrixPart<float>{{0, 3}, {0, 3}};
                   },
                   x.data(), y.data(), n, 1, PartSums::working, always),
               InputError);
}

}  // namespace
}  // namespace widelimit::gram
