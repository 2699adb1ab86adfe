#include "cli/resources.hpp"

#include <algorithm>

#include "widelimit/linalg/distributed_matrix.hpp"
#include "widelimit/runtime/environment.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/memory.hpp"

#include "cli/jobs.hpp"

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

Index automatic_tile(Index points, bool positions) {
  // Entries that take milliseconds are shared out evenly in small tiles, of whole vectors of pairs.
  constexpr Index vector = 16, most_vectors = 16;
  if (positions) return std::clamp<Index>(points / 32 / vector, 1, most_vectors) * vector;
  Index const block = linalg::default_block;
  Index const eighth = (points + 7) / 8;
  return std::clamp((eighth + block - 1) / block * block, block, largest_automatic_tile);
}

ResourcePlan plan_resources(runtime::Communicator const& comm, InputFile const& input,
                            DataShapes const& shapes) {
  ResourcePlan plan;
  plan.memory.push_back({"program and libraries", library_bytes});
  plan.tile = input.resources.tile != ResourceOptions::automatic
                  ? input.resources.tile
                  : automatic_tile(shapes.train, shapes.n_axes > 0);
  if (input.resources.memory_per_rank_bytes != ResourceOptions::automatic) {
    plan.memory_limit = static_cast<double>(input.resources.memory_per_rank_bytes);
    plan.limit_from = "resources.memory_per_rank";
  } else {
    double const mine = runtime::available_memory_bytes() / comm.ranks_on_node();
    plan.memory_limit = -comm.max(-mine);
    plan.limit_from = "memory free on the machine, shared by its ranks";
  }
  kind_of(input.job).plan({comm, input, shapes}, plan);
  plan.product_flops = 2 * plan.gram_entries * static_cast<double>(shapes.features);
  return plan;
}

void plan_kernels(PlanRequest const& request, double kernels, ResourcePlan& plan) {
  double const real_bytes = request.input.precision == Precision::double_ ? 8 : 4;
  auto const points = static_cast<double>(request.shapes.train + request.shapes.test);
  auto const features = static_cast<double>(request.shapes.features);
  auto const tile = static_cast<double>(plan.tile);
  auto const compiled = compile_network(request.input, request.shapes);
  auto const coefficients = static_cast<double>(gram::coefficients_per_point(compiled));
  plan.memory.push_back({"inputs, raw and as unit rows", 2 * points * features * real_bytes});
  // Once in double while they are worked out, once in the precision of the tiles.
  plan.memory.push_back({"coefficients of the layers", coefficients * points * (8 + real_bytes)});
  if (compiled.positions)
    plan.memory.push_back({"work on pairs of positions",
                           compiled.positions->task_bytes() * runtime::Environment::threads()});
  plan.memory.push_back({"tiles in flight", tiles_in_memory * kernels * tile * tile * real_bytes});
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
  if (!plan.less_memory.empty()) text += ", or " + plan.less_memory;
  throw InputError(input.where("resources.memory_per_rank"), text);
}

std::string describe(ResourcePlan const& plan, int ranks) {
  std::string text;
  if (plan.gram_entries > 0) {
    text += fmt::format("tiles      {0} x {0} points\n", plan.tile);
    text += fmt::format("gram       {:.4g} entries, {:.4g} flops in products\n", plan.gram_entries,
                        plan.product_flops);
  }
  if (plan.solve_flops > 0) text += fmt::format("solve      {:.4g} flops\n", plan.solve_flops);
  text += plan.description;
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
