#include "cli/regression_plan.hpp"

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"

namespace widelimit::cli {
namespace {

using Solver = RegressionOptions::Solver;
using Gram = RegressionOptions::Gram;

constexpr double gib = 1024.0 * 1024 * 1024;

InputFile parse(std::vector<std::string> const& overrides) {
  return parse_input(
      "data:\n"
      "  train: {file: a.h5, inputs: /x, targets: /y}\n"
      "  test: {file: a.h5, inputs: /x}\n"
      "network: [dense, relu, dense]\n"
      "job: {type: regression}\n",
      "run.yaml", overrides);
}

RegressionPlan plan(std::vector<std::string> const& overrides, Index points, double free_bytes,
                    int ranks = 1) {
  DataShapes const shapes{.train = points, .test = 1000, .features = 784, .outputs = 10};
  return choose_regression(parse(overrides), shapes, 1024, ranks, free_bytes);
}

double bytes(RegressionPlan const& plan) {
  double sum = 0;
  for (auto const& item : plan.memory) sum += item.bytes;
  return sum;
}

TEST(RegressionPlan, chooses_by_memory_and_size) {
  EXPECT_EQ(plan({}, 10000, 2 * gib).solver, Solver::cholesky);  // 0.75 GiB
  auto const short_of_memory = plan({}, 10000, 0.6 * gib);
  EXPECT_EQ(short_of_memory.solver, Solver::pcg);
  EXPECT_EQ(short_of_memory.gram, Gram::stored);
  auto const large = plan({}, 60000, 1000 * gib);
  EXPECT_EQ(large.solver, Solver::pcg);  // would fit, but takes too long
  EXPECT_EQ(large.gram, Gram::stored);
  EXPECT_EQ(plan({}, 60000, 10 * gib).gram, Gram::recomputed);
  EXPECT_EQ(plan({}, 60000, 10 * gib, 2).gram, Gram::stored);
  EXPECT_EQ(plan({"precision=mixed"}, 60000, 10 * gib).gram, Gram::stored);
  auto const covariance = std::vector<std::string>{"job.posterior=covariance"};
  EXPECT_EQ(plan(covariance, 60000, 1000 * gib).solver, Solver::cholesky);  // serves all points
  EXPECT_EQ(plan(covariance, 60000, gib).solver, Solver::pcg);
}

TEST(RegressionPlan, does_what_it_is_told) {
  EXPECT_EQ(plan({"job.solver=cholesky"}, 60000, gib).solver, Solver::cholesky);
  EXPECT_EQ(plan({"job.solver=pcg"}, 100, gib).solver, Solver::pcg);
  EXPECT_EQ(plan({"job={type: regression, solver: pcg, gram: stored}"}, 60000, gib).gram,
            Gram::stored);
  EXPECT_EQ(plan({"job={type: regression, solver: pcg, gram: recomputed}"}, 100, gib).gram,
            Gram::recomputed);
}

TEST(RegressionPlan, rank_of_the_preconditioner) {
  EXPECT_EQ(plan({"job.solver=pcg"}, 100000, gib).preconditioner_rank, 1000);
  EXPECT_EQ(plan({"job.solver=pcg"}, 500, gib).preconditioner_rank, 50);
  EXPECT_EQ(plan({"job.solver=pcg"}, 3, gib).preconditioner_rank, 1);
  auto const with = [](std::string const& preconditioner) {
    return std::vector{"job={type: regression, solver: pcg, preconditioner: " + preconditioner +
                       "}"};
  };
  EXPECT_EQ(plan(with("{type: none}"), 500, gib).preconditioner_rank, 0);
  EXPECT_EQ(plan(with("{rank: 500}"), 500, gib).preconditioner_rank, 500);
  test::expect_input_error([&] { plan(with("{rank: 501}"), 500, gib); },
                           {"job.preconditioner.rank", "501", "at most 500"});
  EXPECT_EQ(
      plan({"job={type: regression, solver: cholesky, preconditioner: {rank: 501}}"}, 500, gib)
          .solver,
      Solver::cholesky);
}

TEST(RegressionPlan, blocks_of_the_preconditioner) {
  auto const block = [](std::string const& preconditioner, Index n) {
    return plan({"job={type: regression, solver: pcg, preconditioner: " + preconditioner + "}"}, n,
                gib)
        .preconditioner_block;
  };
  EXPECT_EQ(block("{rank: 300}", 5000), 150);
  EXPECT_EQ(block("{rank: 3000}", 5000), 512);
  EXPECT_EQ(block("{rank: 300, block: auto}", 5000), 150);
  EXPECT_EQ(block("{rank: 300, block: 0}", 5000), 0);
  EXPECT_EQ(block("{rank: 300, block: 800}", 5000), 800);
  EXPECT_EQ(block("{rank: 300, block: 800}", 500), 500);
  EXPECT_EQ(block("{type: none, block: 800}", 5000), 0);
}

TEST(RegressionPlan, memory_of_a_kernel_that_is_kept_is_half_of_it_over_the_ranks) {
  auto const kept = plan({"job={type: regression, solver: pcg, gram: stored}"}, 60000, gib, 4);
  auto const remade =
      plan({"job={type: regression, solver: pcg, gram: recomputed}"}, 60000, gib, 4);
  double const half = 60000.0 * 60000 / 2 * 8 / 4;
  EXPECT_GT(bytes(kept) - bytes(remade), half);
  EXPECT_LT(bytes(kept) - bytes(remade), 1.02 * half);
  EXPECT_EQ(kept.iteration_entries, 0);
  EXPECT_EQ(remade.iteration_entries, 60000.0 * 60001 / 2);
}

TEST(RegressionPlan, remainders_are_kept_where_memory_holds_them) {
  auto const with = [](std::vector<std::string> more, double free_bytes) {
    more.insert(more.begin(),
                {"precision=mixed", "job.type=regression", "job.solver=pcg", "job.gram=stored"});
    return plan(more, 60000, free_bytes);
  };
  auto const kept = with({"checkpoint=none"}, 12 * gib),
             short_of = with({"checkpoint=none"}, 8 * gib);
  EXPECT_TRUE(kept.remainders);
  EXPECT_FALSE(short_of.remainders);
  EXPECT_EQ(short_of.gram, Gram::stored);
  double const entries = 60000.0 * 60000 / 2;
  EXPECT_GT(bytes(kept) - bytes(short_of), entries);
  EXPECT_LT(bytes(kept) - bytes(short_of), 1.02 * entries);
  EXPECT_FALSE(with({}, 12 * gib).remainders);  // a file of tiles has none
  EXPECT_FALSE(with({"checkpoint=none", "job.tolerance=1e-10"}, 12 * gib).remainders);
  EXPECT_FALSE(with({"checkpoint=none", "precision=double"}, 1000 * gib).remainders);
}

TEST(RegressionPlan, a_tolerance_below_the_precision_is_refused) {
  auto const with = [](std::string const& tolerance, std::string const& precision) {
    return std::vector{"job={type: regression, solver: pcg, tolerance: " + tolerance + "}",
                       "precision=" + precision};
  };
  EXPECT_EQ(plan(with("1e-12", "double"), 500, gib).solver, Solver::pcg);
  EXPECT_EQ(plan(with("1e-12", "mixed"), 500, gib).solver, Solver::pcg);
  EXPECT_EQ(plan(with("1e-7", "single"), 500, gib).solver, Solver::pcg);
  test::expect_input_error([&] { plan(with("1e-8", "single"), 500, gib); },
                           {"job.tolerance", "single", "precision: mixed or double"});
  for (std::string const precision : {"mixed", "double"}) {
    test::expect_input_error([&] { plan(with("1e-15", precision), 500, gib); },
                             {"job.tolerance", precision, "raise it"});
  }
}

TEST(RegressionPlan, a_covariance_by_iterations_is_paid_for) {
  auto const with = [](std::string const& posterior) {
    return plan({"job={type: regression, solver: pcg, posterior: " + posterior + "}"}, 500, gib);
  };
  auto const mean = with("mean"), covariance = with("covariance");
  EXPECT_EQ(covariance.solver, Solver::pcg);
  EXPECT_GT(bytes(covariance), bytes(mean));
  EXPECT_GT(covariance.gram_entries, mean.gram_entries);
}

}  // namespace
}  // namespace widelimit::cli
