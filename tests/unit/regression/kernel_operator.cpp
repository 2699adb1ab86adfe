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

ReplicatedMatrix multiply(KernelOperator const& kernel, ReplicatedMatrix const& x,
                          gram::PartSums sums = gram::PartSums::exact) {
  auto const& rows = kernel.rows();
  std::vector<double> local, product(static_cast<std::size_t>(rows.local_size() * x.cols));
  for (Index c = 0; c < x.cols; ++c)
    for (Index i = rows.mine().begin; i < rows.mine().end; ++i) local.push_back(x(i, c));
  EXPECT_TRUE(kernel.multiply(local.data(), x.cols, product.data(), always, sums));
  ReplicatedMatrix columns(x.cols, x.rows);
  rows.gather(product.data(), x.cols, columns.values.data());
  return test::transpose(columns);
}

template <class Real>
class Operators : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Operators, Reals);

/// Tiles of which, as in a file, nothing above the diagonal is there.
template <class Real>
class EvaluatedTiles final : public gram::TileSource<Real> {
 public:
  EvaluatedTiles(gram::TileEvaluator<Real> const& evaluate, io::TileGrid const& grid,
                 gram::Kernel kernel)
      : evaluate_(evaluate), grid_(grid), kernel_(kernel) {}

  bool has(Index) const override { return true; }
  void read(Index tile, Real* nngp, Real* ntk, Index ld) const override {
    auto const id = grid_.id(tile);
    Range const rows = grid_.row_range(id), cols = grid_.col_range(id);
    std::vector<Real> other(static_cast<std::size_t>(rows.size() * ld));
    bool const is_nngp = kernel_ == gram::Kernel::nngp;
    Real* const wanted = is_nngp ? nngp : ntk;
    EXPECT_EQ(is_nngp ? ntk : nngp, nullptr);
    evaluate_(rows, cols, is_nngp ? wanted : other.data(), is_nngp ? other.data() : wanted, ld);
    if (id.row != id.col) return;
    for (Index i = 0; i < rows.size(); ++i)
      std::fill(wanted + i * ld + i + 1, wanted + (i + 1) * ld, Real{0});
  }

 private:
  gram::TileEvaluator<Real> const& evaluate_;
  io::TileGrid grid_;
  gram::Kernel kernel_;
};

TYPED_TEST(Operators, stored_filed_and_recomputed_multiply_by_the_kernel) {
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
        auto const schedule =
            gram::schedule<TypeParam>(grid, comm.size(), nullptr, true, gram::Dealing::fixed);
        gram::for_each_tile<TypeParam>(comm, evaluate, grid, schedule, nullptr, {&stored}, stop);
        auto const y = multiply(stored, x);
        EXPECT_LT(test::relative_difference(y, expected), 20 * eps);
        EvaluatedTiles<TypeParam> const tiles(evaluate, grid, kernel);
        FiledKernel<TypeParam> const filed(RowBlocks(comm, n), grid, tiles, kernel);
        EXPECT_LT(test::relative_difference(multiply(filed, x), y), 1e-13);
      }
      RecomputedKernel<TypeParam> const recomputed(RowBlocks(comm, n), problem.maker(kernel));
      auto const y = multiply(recomputed, x);
      EXPECT_LT(test::relative_difference(y, expected), 20 * eps);
      EXPECT_EQ(multiply(recomputed, x).values, y.values);
    }
  }
}

TEST(Operators, with_remainders_multiply_exactly_by_the_kernel_in_double) {
  auto const comm = runtime::Communicator::world();
  runtime::StopRequest const stop;
  for (Index const n : {1, 700}) {
    test::KernelProblem<double> const problem(n, 6, 2, 1);
    auto const a = problem.matrix(gram::Kernel::ntk);
    auto rounded = a, magnitude = a;
    for (double& entry : rounded.values) entry = static_cast<float>(entry);
    for (double& entry : magnitude.values) entry = std::abs(entry);
    auto const x = test::random_matrix(n, 10, 2);
    auto x_magnitude = x;
    for (double& entry : x_magnitude.values) entry = std::abs(entry);
    auto const expected = test::product(a, x), bound = test::product(magnitude, x_magnitude);
    for (Index const tile : {100, 600, 1024}) {
      StoredKernel<float, double> kernel(RowBlocks(comm, n), gram::Kernel::ntk);
      io::TileGrid const grid{n, n, tile, io::Coverage::lower};
      auto const schedule =
          gram::schedule<double>(grid, comm.size(), nullptr, true, gram::Dealing::fixed);
      gram::for_each_tile<double>(comm, problem.evaluator(), grid, schedule, nullptr, {&kernel},
                                  stop);
      auto const y = multiply(kernel, x);
      for (std::size_t i = 0; i < y.values.size(); ++i)
        EXPECT_LE(std::abs(y.values[i] - expected.values[i]), 1.05 * 0x1p-32 * bound.values[i]);
      auto const working = multiply(kernel, x, gram::PartSums::working);
      EXPECT_LT(test::relative_difference(working, test::product(rounded, x)), 5e-6);
      EXPECT_EQ(multiply(kernel, x).values, y.values);
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
