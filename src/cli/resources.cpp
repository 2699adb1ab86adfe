#include "cli/resources.hpp"

#include <algorithm>

#include "widelimit/linalg/distributed_matrix.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/memory.hpp"

namespace widelimit::cli {
namespace {

constexpr Index largest_automatic_tile = 2048;
constexpr double tiles_in_memory = 3;  // computed, waiting, written
constexpr double library_bytes = 150.0 * 1024 * 1024;

}  // namespace

double ResourcePlan::memory_bytes() const {
  double sum = 0;
  for (auto const& item : memory) sum += item.bytes;
  return sum;
}

Index automatic_tile(Index points) {
  Index const block = linalg::default_block;
  Index const eighth = (points + 7) / 8;
  return std::clamp((eighth + block - 1) / block * block, block, largest_automatic_tile);
}

ResourcePlan plan_resources(runtime::Communicator const& comm, InputFile const& input,
                            DataShapes const& shapes) {
  ResourcePlan plan;
  plan.tile = input.resources.tile != ResourceOptions::automatic ? input.resources.tile
                                                                 : automatic_tile(shapes.train);
  if (input.resources.memory_per_rank_bytes != ResourceOptions::automatic) {
    plan.memory_limit = static_cast<double>(input.resources.memory_per_rank_bytes);
    plan.limit_from = "resources.memory_per_rank";
  } else {
    double const mine = runtime::available_memory_bytes() / comm.ranks_on_node();
    plan.memory_limit = -comm.max(-mine);
    plan.limit_from = "memory free on the machine, shared by its ranks";
  }
  double const real_bytes = input.precision == Precision::double_ ? 8 : 4;
  auto const n = static_cast<double>(shapes.train), n_test = static_cast<double>(shapes.test);
  auto const d = static_cast<double>(shapes.features), tile = static_cast<double>(plan.tile);

  plan.memory.push_back({"program and libraries", library_bytes});
  plan.memory.push_back({"inputs, raw and as unit rows", 2 * (n + n_test) * d * real_bytes});
  auto const coefficients =
      static_cast<double>(gram::coefficients_per_point(gram::compile(input.network)));
  // Once in double while they are worked out, once in the precision of the tiles.
  plan.memory.push_back(
      {"coefficients of the layers", coefficients * (n + n_test) * (8 + real_bytes)});
  plan.gram_entries = n * (n + 1) / 2 + n * n_test;
  double matrices = 1;
  if (auto const* gram = std::get_if<GramOptions>(&input.job)) {
    matrices = (gram->nngp ? 1 : 0) + (gram->ntk ? 1 : 0);
    plan.disk_bytes = matrices * (n * n + n * n_test) * real_bytes;
  } else {
    auto regression = plan_regression(input, shapes, plan.tile, comm.size(),
                                      plan.memory_limit - plan.memory_bytes());
    matrices = regression.kernels;
    std::ranges::move(regression.memory, std::back_inserter(plan.memory));
    plan.disk_bytes = regression.disk_bytes;
    plan.gram_entries = regression.gram_entries;
    plan.solve_flops = regression.solve_flops;
    plan.regression = std::move(regression);
  }
  plan.memory.push_back({"tiles in flight", tiles_in_memory * matrices * tile * tile * real_bytes});
  plan.product_flops = 2 * plan.gram_entries * d;
  return plan;
}

void require_memory(InputFile const& input, ResourcePlan const& plan, int ranks) {
  double const needed = plan.memory_bytes();
  if (needed <= plan.memory_limit) return;
  std::string text =
      fmt::format("this run needs about {} on each of {} rank{}, and there are {} ({}):",
                  runtime::format_bytes(needed), ranks, ranks == 1 ? "" : "s",
                  runtime::format_bytes(plan.memory_limit), plan.limit_from);
  for (auto const& item : plan.memory)
    text += fmt::format(" {} {};", item.what, runtime::format_bytes(item.bytes));
  text += " use more ranks on more nodes, fewer rows (data.train.rows), precision: single";
  if (std::holds_alternative<GramOptions>(input.job)) {
    text += ", or a smaller resources.tile";
  } else if (plan.regression->solver == RegressionOptions::Solver::cholesky) {
    text += ", or the solver pcg (job.solver), which needs less";
  } else if (plan.regression->gram == RegressionOptions::Gram::stored) {
    text += ", or job.gram: recomputed, which keeps no kernel matrix";
  } else {
    text += ", or a lower job.preconditioner.rank";
  }
  throw InputError(input.where("resources.memory_per_rank"), text);
}

std::string describe(ResourcePlan const& plan, int ranks) {
  std::string text = fmt::format("tiles      {0} x {0} points\n", plan.tile);
  text += fmt::format("gram       {:.4g} entries, {:.4g} flops in products\n", plan.gram_entries,
                      plan.product_flops);
  if (plan.solve_flops > 0) text += fmt::format("solve      {:.4g} flops\n", plan.solve_flops);
  if (plan.regression) text += describe(*plan.regression);
  text += fmt::format("memory     {} on each of {} rank{} (limit {}: {})\n",
                      runtime::format_bytes(plan.memory_bytes()), ranks, ranks == 1 ? "" : "s",
                      runtime::format_bytes(plan.memory_limit), plan.limit_from);
  for (auto const& item : plan.memory) {
    text += fmt::format("             {:>9}  {}\n", runtime::format_bytes(item.bytes), item.what);
  }
  text += fmt::format("disk       {}\n", runtime::format_bytes(plan.disk_bytes));
  return text;
}

}  // namespace widelimit::cli
