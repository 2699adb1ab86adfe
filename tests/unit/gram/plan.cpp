/// \file
/// Compiled plans of random networks against an interpreter on whole matrices.
#include "widelimit/gram/plan.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "widelimit/network/describe.hpp"

#include "reference/network_interpreter.hpp"
#include "support/gram_matrix.hpp"
#include "support/random_network.hpp"

namespace widelimit {
namespace {

using reference::Quad;

constexpr int n_rows = 5, n_cols = 3, n_all = n_rows + n_cols, dimension = 3;

/// Largest |got - expected| against the geometric mean of the two diagonal entries, for the columns
/// `first` … of the kernels of all points.
double error_of_diagonal(std::vector<double> const& got, std::vector<Quad> const& expected,
                         int first, int cols) {
  auto const root = [&](int i) {
    return std::sqrt(std::fabs(static_cast<double>(expected[i * n_all + i])));
  };
  double worst = 0;
  for (int i = 0; i < n_rows; ++i) {
    for (int j = 0; j < cols; ++j) {
      double const difference =
          std::fabs(static_cast<double>(got[i * cols + j] - expected[i * n_all + first + j]));
      if (!(difference <= 1e300)) return INFINITY;
      if (difference > 0) worst = std::fmax(worst, difference / (root(i) * root(first + j)));
    }
  }
  return worst;
}

/// Compares both Gram matrices of `network` with the interpreter's on random points; false where
/// they leave the range in which that says something about plans.
bool compare(network::Sequence const& network, test::RandomNetworks& random) {
  std::vector<double> x(n_all * dimension);
  for (double& value : x) value = random.uniform(-1.5, 1.5);
  auto const expected =
      reference::NetworkInterpreter{}(network, reference::input_kernels(x, n_all, dimension));
  auto const in_range = [&](std::vector<Quad> const& values) {
    return std::all_of(values.begin(), values.end(),
                       [](Quad v) { return reference::quad_abs(v) < Quad(1e100); });
  };
  if (!in_range(expected.nngp) || !in_range(expected.ntk)) return false;
  auto const split = x.begin() + n_rows * dimension;
  auto const got =
      test::gram_matrices<double>(network, {x.begin(), split}, {split, x.end()}, dimension);
  std::string const text = network::describe(network);
  EXPECT_LE(error_of_diagonal(got.self.nngp, expected.nngp, 0, n_rows), 1e-10) << text;
  EXPECT_LE(error_of_diagonal(got.self.ntk, expected.ntk, 0, n_rows), 1e-10) << text;
  EXPECT_LE(error_of_diagonal(got.cross.nngp, expected.nngp, n_rows, n_cols), 1e-10) << text;
  EXPECT_LE(error_of_diagonal(got.cross.ntk, expected.ntk, n_rows, n_cols), 1e-10) << text;
  return true;
}

network::Layer layer(decltype(network::Layer::kind) kind) {
  network::Layer result;
  result.kind = std::move(kind);
  return result;
}

TEST(Plan, gives_the_kernels_of_the_interpreter_for_random_networks) {
  test::RandomNetworks random(20240607);
  int compared = 0, most_registers = 0, with_branches = 0;
  for (int trial = 0; compared < 400; ++trial) {
    ASSERT_LT(trial, 1000) << "too many networks overflow";
    auto const network = random();
    if (!compare(network, random)) continue;
    ++compared;
    auto const plan = gram::compile(network);
    most_registers = std::max(most_registers, plan.n_registers);
    with_branches += plan.n_registers > 1 ? 1 : 0;
  }
  EXPECT_GE(most_registers, 5) << "the networks drawn are too plain to test registers";
  EXPECT_GE(with_branches, 120);
}

TEST(Plan, weighs_a_product_in_a_concat_by_its_own_width) {
  test::RandomNetworks random(3);
  network::Sequence const dense{layer(network::Dense{1.2, 0})};
  network::Sequence const relu{layer(network::Activation{network::AbRelu{}})};
  network::Sequence const network{
      dense[0], layer(network::Concat{{relu, dense}}),  // two widths
      layer(network::Concat{{{layer(network::Product{{dense, dense}})}, {}}}), dense[0]};
  EXPECT_TRUE(compare(network, random));
}

TEST(Plan, reuses_registers) {
  network::Sequence const block{layer(network::Activation{network::AbRelu{}}),
                                layer(network::Dense{})};
  network::Sequence const network{
      layer(network::Dense{}),
      layer(network::Repeat{20, {layer(network::Residual{{layer(network::Residual{block})}})}})};
  EXPECT_THROW(network::validate(network, "test"), InputError);  // x + (x + f(x))
  network::Sequence const deep{layer(network::Dense{}),
                               layer(network::Repeat{20, {layer(network::Residual{block})}})};
  EXPECT_LE(gram::compile(deep).n_registers, 3);
  EXPECT_EQ(gram::compile({layer(network::Dense{}), layer(network::Repeat{20, block})}).n_registers,
            1);
}

}  // namespace
}  // namespace widelimit
