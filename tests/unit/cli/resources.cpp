#include "cli/resources.hpp"

#include <gtest/gtest.h>

#include "widelimit/linalg/distributed_matrix.hpp"
#include "widelimit/runtime/memory.hpp"

#include "support/expect_input_error.hpp"

namespace widelimit::cli {
namespace {

using Strings = std::vector<std::string>;

constexpr double MiB = 1024.0 * 1024.0;

InputFile parse(std::string const& job, Strings const& overrides = {}) {
  return parse_input(
      "data: {train: {file: a.h5, inputs: /x, targets: /y}, test: {file: b.h5, inputs: /x}}\n"
      "network: [dense, relu, dense]\n"
      "job: {type: " +
          job + "}\n",
      "job.yaml", overrides);
}

constexpr DataShapes shapes{10000, 2000, 784, 10};

ResourcePlan plan(InputFile const& input, DataShapes const& data = shapes) {
  return plan_resources(runtime::Communicator::world(), input, data);
}

/// Bytes of the items whose name holds `word`.
double bytes_of(ResourcePlan const& plan, std::string const& word) {
  double sum = 0;
  for (auto const& item : plan.memory)
    if (item.what.find(word) != std::string::npos) sum += item.bytes;
  return sum;
}

TEST(AutomaticTile, is_a_multiple_of_the_solver_block) {
  Index before = 0;
  for (Index points = 1; points < 20000; points += 37) {
    Index const tile = automatic_tile(points);
    EXPECT_EQ(tile % linalg::default_block, 0);
    EXPECT_GE(tile, before) << points;
    before = tile;
  }
  EXPECT_EQ(automatic_tile(1), 128);
  EXPECT_EQ(automatic_tile(1024), 128);
  EXPECT_EQ(automatic_tile(1025), 256);
  EXPECT_EQ(automatic_tile(7168), 896);
  EXPECT_EQ(automatic_tile(8192), 1024);
  EXPECT_EQ(automatic_tile(10000000), 2048);
}

TEST(AutomaticTile, is_small_where_entries_take_long) {
  EXPECT_EQ(automatic_tile(1, true), 16);
  EXPECT_EQ(automatic_tile(1000, true), 16);
  EXPECT_EQ(automatic_tile(2000, true), 48);
  EXPECT_EQ(automatic_tile(60000, true), 256);
}

TEST(AutomaticTile, gives_small_problems_tiles_to_share) {
  for (Index const points : {1024, 2000, 5000, 60000})
    EXPECT_GE((points + automatic_tile(points) - 1) / automatic_tile(points), 7) << points;
}

TEST(PlanResources, the_tile_is_what_the_user_says_or_the_automatic_one) {
  EXPECT_EQ(plan(parse("gram")).tile, automatic_tile(10000));
  EXPECT_EQ(plan(parse("gram", {"resources.tile=384"})).tile, 384);
}

TEST(PlanResources, counts_the_entries_of_one_triangle_and_of_the_test_rows) {
  double const square = 10000.0 * 10001 / 2, cross = 10000.0 * 2000;
  auto const gram = plan(parse("gram"));
  EXPECT_EQ(gram.gram_entries, square + cross);
  EXPECT_EQ(gram.product_flops, 2 * 784 * (square + cross));
  EXPECT_EQ(gram.solve_flops, 0);
  auto const posterior = plan(parse("regression", {"job.posterior=covariance"}));
  EXPECT_EQ(posterior.gram_entries, square + cross + 2000.0 * 2001 / 2);
  DataShapes without_test = shapes;
  without_test.test = 0;
  EXPECT_EQ(plan(parse("gram"), without_test).gram_entries, square);
}

TEST(PlanResources, a_regression_spreads_its_matrix_over_the_ranks) {
  double const ranks = runtime::Communicator::world().size();
  auto const bytes = [&](Strings const& overrides) {
    return bytes_of(plan(parse("regression", overrides)), "kernel matrices");
  };
  EXPECT_EQ(bytes({}), 8e8 / ranks);
  EXPECT_EQ(bytes({"precision=single"}), 4e8 / ranks);
  EXPECT_EQ(bytes({"precision=mixed"}), 8e8 / ranks);
  // The posterior keeps the test columns, an ensemble of networks both kernels.
  EXPECT_EQ(bytes({"job.kernel=nngp", "job.posterior=variance"}), (8e8 + 1.6e8) / ranks);
  EXPECT_EQ(bytes({"job.kernel=ntk", "job.posterior=covariance"}),
            (2 * (8e8 + 1.6e8) + 3.2e7) / ranks);
}

TEST(PlanResources, a_factorisation_takes_a_third_of_the_cube) {
  auto const regression = plan(parse("regression"));
  EXPECT_GT(regression.solve_flops, 1e12 / 3);
  EXPECT_LT(regression.solve_flops, 1e12 / 2);
}

TEST(PlanResources, inputs_and_tiles_follow_the_precision) {
  auto const wide = plan(parse("gram"));
  auto const narrow = plan(parse("gram", {"precision=mixed"}));
  EXPECT_EQ(bytes_of(wide, "inputs"), 2.0 * 12000 * 784 * 8);
  EXPECT_EQ(bytes_of(narrow, "inputs"), 2.0 * 12000 * 784 * 4);
  auto const tile = static_cast<double>(automatic_tile(10000));
  EXPECT_EQ(bytes_of(wide, "tiles in flight"), 3.0 * 2 * tile * tile * 8);
  EXPECT_EQ(bytes_of(narrow, "tiles in flight"), 3.0 * 2 * tile * tile * 4);
  EXPECT_EQ(bytes_of(plan(parse("gram", {"job.kernels=[ntk]"})), "tiles in flight"),
            3.0 * tile * tile * 8);
}

TEST(PlanResources, the_total_is_the_sum_of_the_items) {
  ResourcePlan plan;
  plan.memory = {{"a", 1}, {"b", 20}, {"c", 300}};
  EXPECT_EQ(plan.memory_bytes(), 321);
}

TEST(PlanResources, the_disk_takes_whole_matrices) {
  EXPECT_EQ(plan(parse("gram")).disk_bytes, 2 * (1e8 + 2e7) * 8);
  EXPECT_EQ(plan(parse("gram", {"job.kernels=[nngp]", "precision=single"})).disk_bytes,
            (1e8 + 2e7) * 4);
  EXPECT_EQ(plan(parse("regression")).disk_bytes, 8e8);
  EXPECT_EQ(plan(parse("regression", {"checkpoint=none"})).disk_bytes, 0);
}

TEST(PlanResources, the_limit_is_the_users_or_this_ranks_part_of_the_machine) {
  auto const stated = plan(parse("gram", {"resources.memory_per_rank=3 GiB"}));
  EXPECT_EQ(stated.memory_limit, 3 * 1024 * MiB);
  EXPECT_EQ(stated.limit_from, "resources.memory_per_rank");
  auto const world = runtime::Communicator::world();
  auto const found = plan(parse("gram"));
  EXPECT_GT(found.memory_limit, 0);
  EXPECT_EQ(world.max(found.memory_limit), -world.max(-found.memory_limit));
  // What is free changes a little from one moment to the next.
  EXPECT_LT(found.memory_limit, 1.5 * runtime::available_memory_bytes() / world.size());
}

TEST(RequireMemory, lets_a_run_pass_that_fits) {
  ResourcePlan plan;
  plan.memory = {{"inputs", 10 * MiB}};
  plan.memory_limit = 10 * MiB;
  require_memory(parse("gram"), plan, 1);
}

TEST(RequireMemory, says_what_takes_how_much_and_what_to_change) {
  ResourcePlan plan;
  plan.memory = {{"inputs", 10 * MiB}, {"kernel matrices", 500 * MiB}};
  plan.memory_limit = 256 * MiB;
  plan.limit_from = "resources.memory_per_rank";
  test::expect_input_error(
      [&] { require_memory(parse("regression"), plan, 4); },
      {"resources.memory_per_rank: this run needs about 510 MiB", "on each of 4 ranks",
       "there are 256 MiB (resources.memory_per_rank)", "inputs 10 MiB;",
       "kernel matrices 500 MiB;", "use more ranks", "data.train.rows", "precision: single"});
  plan.less_memory = "a smaller resources.tile";
  auto const alone = test::input_error_of([&] { require_memory(parse("gram"), plan, 1); });
  EXPECT_NE(alone.find("on each of 1 rank,"), std::string::npos) << alone;
  EXPECT_NE(alone.find(", or a smaller resources.tile"), std::string::npos) << alone;
}

TEST(PlanResources, every_job_says_which_of_its_keys_need_less_memory) {
  EXPECT_EQ(plan(parse("gram")).less_memory, "a smaller resources.tile");
  EXPECT_NE(plan(parse("regression")).less_memory.find("the solver pcg"), std::string::npos);
  auto const pcg = [](std::string const& gram) {
    return plan(parse("regression, solver: pcg, gram: " + gram)).less_memory;
  };
  EXPECT_NE(pcg("stored").find("gram: recomputed"), std::string::npos);
  EXPECT_NE(pcg("recomputed").find("preconditioner.rank"), std::string::npos);
}

TEST(RequireMemory, points_at_the_line_that_set_the_limit) {
  auto const input = parse_input(
      "data: {train: {file: a.h5, inputs: /x}}\n"
      "network: [dense]\n"
      "job: {type: gram}\n"
      "resources:\n"
      "  memory_per_rank: 1 MiB\n",
      "job.yaml");
  test::expect_input_error([&] { require_memory(input, plan(input), 1); }, {"job.yaml:5: "});
}

TEST(Describe, lists_every_item_of_memory) {
  auto const regression = plan(parse("regression", {"resources.memory_per_rank=3 GiB"}));
  auto const text = describe(regression, 2);
  for (auto const& item : regression.memory)
    EXPECT_NE(text.find("  " + item.what + "\n"), std::string::npos) << text;
  for (std::string const fragment :
       {"tiles      1280 x 1280 points\n", "on each of 2 ranks (limit 3 GiB: ", "\nsolve  ",
        "\ndisk       763 MiB\n"})
    EXPECT_NE(text.find(fragment), std::string::npos) << fragment << "\nin\n" << text;
  EXPECT_EQ(describe(plan(parse("gram")), 1).find("solve"), std::string::npos);
}

}  // namespace
}  // namespace widelimit::cli
