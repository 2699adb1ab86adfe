#include <algorithm>
#include <cmath>

#include "widelimit/gram/position_plan.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::gram {
namespace {

using kernels::PlaneOp;
using kernels::PlaneOpKind;

/// Positions of all planes of a stage on a grid.
double cells(PlannedStage const& stage, Grid grid) {
  double count = 0;
  for (auto const& shift : stage.shifts) {
    kernels::Rectangle const box(grid, shift);
    if (!box.empty()) count += static_cast<double>(box.height) * box.width;
  }
  return count;
}

double flops_of_function(network::Activation const& function) {
  auto const* numerical = std::get_if<network::Numerical>(&function);
  if (numerical == nullptr) return 70;
  return numerical->points == network::Numerical::automatic
             ? 400
             : 30.0 * numerical->points * numerical->points;
}

/// Of an operation at one pair of positions.
double flops_of(PositionPlan const& plan, PlannedOp const& planned) {
  PlaneOp<double> const& op = planned.op;
  double const sums = 2.0 * (op.filter.height + op.filter.width - 2);
  auto const& kind = plan.graph.nodes[planned.node].kind;
  switch (op.kind) {
    case PlaneOpKind::input:
      return 3.0 * op.count;
    case PlaneOpKind::taps:
      return 2.0 * op.count + 6;
    case PlaneOpKind::conv:
      return sums + 6;
    case PlaneOpKind::conv_relu:
      return sums + 60;
    case PlaneOpKind::dual:
      if (auto const* dual = std::get_if<DualNode>(&kind)) return flops_of_function(dual->function);
      return 10 + flops_of_function(std::get<RnnNode>(kind).function);
    case PlaneOpKind::scatter: {
      double const windows = static_cast<double>(plan.integers[op.table + op.in.count()]);
      return 4 * windows * windows / std::pow(op.in.count(), 2);
    }
    case PlaneOpKind::load:
    case PlaneOpKind::store:
      return 0;
    case PlaneOpKind::add_diagonal:
      return 4.0 * op.in.count() / std::pow(op.in.count(), 2);
    default:
      return 8;
  }
}

double flops_of(PositionPlan const& plan, kernels::SandwichOp const& op) {
  double const n = plan.tensors[op.in].grid.count(), m = plan.tensors[op.out].grid.count();
  return 4 * (m * n * n + m * m * n) + 6 * n * n;
}

double flops_of(PositionPlan const& plan, PlannedStage const& stage) {
  double flops = 0;
  for (auto const& planned : stage.ops)
    flops += cells(stage, planned.op.out) * flops_of(plan, planned);
  for (auto const& sandwich : stage.sandwiches) flops += flops_of(plan, sandwich);
  return flops;
}

/// Numbers of tensors that a stage reads and writes, D and Θ.
double tensor_numbers(PositionPlan const& plan, PlannedStage const& stage) {
  double numbers = 0;
  for (auto const& [op, node, conv] : stage.ops) {
    double const size = cells(stage, op.kind == PlaneOpKind::scatter ? op.in : op.out);
    if (op.kind == PlaneOpKind::scatter) numbers += 4 * size;
    if (op.kind == PlaneOpKind::taps) numbers += 2 * op.count * size;
    if (op.tensor >= 0 && op.kind != PlaneOpKind::scatter && op.kind != PlaneOpKind::taps)
      numbers += 2 * size;
  }
  for (auto const& op : stage.sandwiches)
    numbers += 4 * static_cast<double>(plan.tensors[op.in].cells + plan.tensors[op.out].cells);
  return numbers;
}

std::string name_of(PositionPlan const& plan, PlannedOp const& planned) {
  switch (planned.op.kind) {
    case PlaneOpKind::load:
    case PlaneOpKind::store:
    case PlaneOpKind::add_all:
    case PlaneOpKind::add_attention:
    case PlaneOpKind::scatter:
    case PlaneOpKind::add_diagonal:
      return "";
    case PlaneOpKind::conv_relu:
      return plan.graph.nodes[planned.conv].name + "+" + plan.graph.nodes[planned.node].name;
    default:
      return plan.graph.nodes[planned.node].name;
  }
}

/// "conv+relu x 3, layer_norm".
std::string names_of(PositionPlan const& plan, PlannedStage const& stage) {
  std::string result, last;
  int count = 0, node = -1;
  auto const finish = [&] {
    if (count == 0) return;
    result += (result.empty() ? "" : ", ") + last;
    if (count > 1) result += fmt::format(" x {}", count);
  };
  for (auto const& planned : stage.ops) {
    std::string const name = name_of(plan, planned);
    if (name.empty() || planned.node == node) continue;
    node = planned.node;
    if (name != last) {
      finish();
      last = name;
      count = 0;
    }
    ++count;
  }
  finish();
  return result;
}

}  // namespace

double flops_per_entry(PositionPlan const& plan) {
  double flops = 0;
  for (auto const& stage : plan.stages) flops += flops_of(plan, stage);
  return flops;
}

std::string describe(PositionPlan const& plan, int real_bytes) {
  std::string text;
  int number = 0;
  for (auto const& stage : plan.stages) {
    Grid const grid = stage.grid;
    text += fmt::format(
        "stage {}: {} x {} positions, {} of {} shifts, {:.3g} flop and {:.3g} bytes of tensors an "
        "entry: {}\n",
        ++number, grid.height, grid.width, stage.shifts.size(),
        (2 * grid.height - 1) * (2 * grid.width - 1), flops_of(plan, stage),
        real_bytes * tensor_numbers(plan, stage), names_of(plan, stage));
  }
  return text;
}

}  // namespace widelimit::gram
