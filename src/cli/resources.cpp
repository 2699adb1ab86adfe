#include "cli/resources.hpp"

#include <algorithm>

#include "widelimit/linalg/distributed_matrix.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/memory.hpp"

namespace widelimit::cli {
namespace {

constexpr Index largest_automatic_tile = 1024;
constexpr double tiles_in_memory = 3;  // computed, waiting, written
constexpr double library_bytes = 150.0 * 1024 * 1024;
constexpr double class_guess = 10;  // outputs of labelled data, until the labels are read

/// How many kernels a job evaluates between two data sets, and which matrices it keeps.
struct Needs {
  bool both_kernels = false;
  double square_matrices = 0;  ///< N x N, distributed
  double cross_matrices = 0;   ///< N x N_test, distributed
  double test_matrices = 0;    ///< N_test x N_test, distributed
};

Needs needs_of(RegressionOptions const& job) {
  using enum RegressionOptions::Posterior;
  if (job.posterior == mean) return {false, 1, 0, 0};
  bool const ensemble = job.kernel == RegressionOptions::Kernel::ntk;
  double const copies = ensemble ? 2 : 1;
  return {ensemble, copies, copies, job.posterior == covariance ? 1.0 : 0.0};
}

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
  double const real_bytes = input.precision == Precision::double_ ? 8 : 4;
  double const solve_bytes = input.precision == Precision::single ? 4 : 8;
  auto const n = static_cast<double>(shapes.train), n_test = static_cast<double>(shapes.test);
  auto const d = static_cast<double>(shapes.features), tile = static_cast<double>(plan.tile);
  auto const ranks = static_cast<double>(comm.size());
  double const outputs = shapes.outputs > 0 ? static_cast<double>(shapes.outputs) : class_guess;

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
    auto const& job = std::get<RegressionOptions>(input.job);
    Needs const needs = needs_of(job);
    matrices = needs.both_kernels ? 2 : 1;
    double const share = solve_bytes / ranks;
    plan.memory.push_back(
        {"kernel matrices, this rank's share",
         share * (needs.square_matrices * n * n + needs.cross_matrices * n * n_test +
                  needs.test_matrices * n_test * n_test)});
    plan.memory.push_back(
        {"exchange of tiles between ranks", 3 * matrices * tile * tile * real_bytes});
    plan.memory.push_back(
        {"targets, solution and predictions", (4 * n + 2 * n_test) * outputs * 8});
    if (input.checkpoint.enabled) plan.disk_bytes = matrices * n * n * real_bytes;
    plan.solve_flops =
        n * n * n / 3 + 10 * n * n * outputs + (needs.cross_matrices > 0 ? n * n * n_test : 0);
    if (needs.test_matrices > 0) plan.gram_entries += n_test * (n_test + 1) / 2;
  }
  plan.memory.push_back({"tiles in flight", tiles_in_memory * matrices * tile * tile * real_bytes});
  plan.product_flops = 2 * plan.gram_entries * d;

  if (input.resources.memory_per_rank_bytes != ResourceOptions::automatic) {
    plan.memory_limit = static_cast<double>(input.resources.memory_per_rank_bytes);
    plan.limit_from = "resources.memory_per_rank";
  } else {
    double const mine = runtime::available_memory_bytes() / comm.ranks_on_node();
    plan.memory_limit = -comm.max(-mine);
    plan.limit_from = "memory free on the machine, shared by its ranks";
  }
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
  text += std::holds_alternative<GramOptions>(input.job) ? ", or a smaller resources.tile" : "";
  throw InputError(input.where("resources.memory_per_rank"), text);
}

std::string describe(ResourcePlan const& plan, int ranks) {
  std::string text = fmt::format("tiles      {0} x {0} points\n", plan.tile);
  text += fmt::format("gram       {:.4g} entries, {:.4g} flops in products\n", plan.gram_entries,
                      plan.product_flops);
  if (plan.solve_flops > 0) text += fmt::format("solve      {:.4g} flops\n", plan.solve_flops);
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
