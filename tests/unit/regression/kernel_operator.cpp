#include "widelimit/regression/kernel_operator.hpp"

#include <gtest/gtest.h>

#include "support/kernel_problem.hpp"
#include "support/matrices.hpp"

namespace widelimit::regression {
namespace {

using linalg::ReplicatedMatrix;
using linalg::RowBlocks;

bool always() {
  return true;
}

ReplicatedMatrix multiply(KernelOperator const& kernel, ReplicatedMatrix const& x) {
  auto const& rows = kernel.rows();
  std::vector<double> local, product(static_cast<std::size_t>(rows.local_size() * x.cols));
  for (Index c = 0; c < x.cols; ++c)
    for (Index i = rows.mine().begin; i < rows.mine().end; ++i) local.push_back(x(i, c));
  EXPECT_TRUE(kernel.multiply(local.data(), x.cols, product.data(), always));
  ReplicatedMatrix columns(x.cols, x.rows);
  rows.gather(product.data(), x.cols, columns.values.data());
  return test::transpose(columns);
}

template <class Real>
class Operators : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Operators, Reals);

TYPED_TEST(Operators, stored_and_recomputed_multiply_by_the_kernel) {
  auto const comm = runtime::Communicator::world();
  runtime::StopRequest const stop;
  constexpr double eps = std::numeric_limits<TypeParam>::epsilon();
  for (Index const n : {2, 700}) {
    test::KernelProblem<TypeParam> const problem(n, 6, 2, 1);
    auto const evaluate = problem.evaluator();
    for (auto const kernel : {gram::Kernel::nngp, gram::Kernel::ntk}) {
      auto const a = problem.matrix(kernel);
      auto const x = test::random_matrix(n, 3, 2);
      auto const expected = test::product(a, x);
      for (Index const tile : {100, 600, 1024}) {
        StoredKernel<TypeParam> stored(RowBlocks(comm, n), kernel);
        io::TileGrid const grid{n, n, tile, io::Coverage::lower};
        auto const schedule = gram::schedule<TypeParam>(grid, comm.size(), nullptr, true);
        gram::for_each_tile<TypeParam>(comm, evaluate, grid, schedule, nullptr, {&stored}, stop);
        EXPECT_LT(test::relative_difference(multiply(stored, x), expected), 20 * eps);
      }
      RecomputedKernel<TypeParam> const recomputed(RowBlocks(comm, n), problem.maker(kernel));
      auto const y = multiply(recomputed, x);
      EXPECT_LT(test::relative_difference(y, expected), 20 * eps);
      EXPECT_EQ(multiply(recomputed, x).values, y.values);
    }
  }
}

TEST(Operators, a_stop_on_one_rank_ends_the_product_on_all) {
  auto const comm = runtime::Communicator::world();
  constexpr Index n = 50;
  test::KernelProblem<double> const problem(n, 3, 1, 3);
  RecomputedKernel<double> const kernel(RowBlocks(comm, n), problem.maker(gram::Kernel::ntk));
  // Only ranks with work ask; rank 0 always has some.
  std::vector<double> const x(static_cast<std::size_t>(kernel.rows().local_size()), 1);
  auto y = x;
  EXPECT_FALSE(kernel.multiply(x.data(), 1, y.data(), [&] { return !comm.is_root(); }));
}

}  // namespace
}  // namespace widelimit::regression
