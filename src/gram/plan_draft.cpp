#include "gram/detail/plan_draft.hpp"

#include <algorithm>

namespace widelimit::gram::detail {

using kernels::Margin;
using kernels::PairTensor;
using kernels::PlaneOp;
using kernels::PlaneOpKind;
using kernels::Shift;

PlanDraft::PlanDraft(PositionGraph graph) : stages(find_stages(graph)) {
  plan.graph = std::move(graph);
  auto const n = nodes().size();
  plan.slots.resize(n);
  plan.sum_tensor.assign(n, -1);
  plane_tensor.assign(n, -1);
  dense_tensor.assign(n, -1);
  find_margin();
}

void PlanDraft::find_margin() {
  Index height = 1, width = 1, filter_height = 1;
  for (auto const& node : nodes()) {
    height = std::max<Index>(height, node.grid.height);
    width = std::max<Index>(width, node.grid.width);
    auto const* conv = std::get_if<ConvNode>(&node.kind);
    if (conv == nullptr || !conv->box) continue;
    Margin const& m = conv->filter.margin;
    Margin& most = plan.margin;
    most = {std::max(most.top, m.top), std::max(most.bottom, m.bottom), std::max(most.left, m.left),
            std::max(most.right, m.right)};
    filter_height = std::max<Index>(filter_height, conv->filter.height);
  }
  Margin const& m = plan.margin;
  plan.plane_cells = (height + m.top + m.bottom) * (width + m.left + m.right);
  plan.sum_cells = 2 * filter_height * width;
}

void PlanDraft::begin_stage() {
  ++stage;
  PlannedStage& planned = plan.stages.emplace_back();
  planned.grid = stages.grids[stage];
  stages.shifts[stage].for_each([&](Shift shift) { planned.shifts.push_back(shift); });
  stages.self_shifts[stage].for_each([&](Shift shift) { planned.self_shifts.push_back(shift); });
  plan.self_planes = plan.self_planes || !planned.self_shifts.empty();
}

PlaneOp<double>& PlanDraft::emit(PlaneOpKind kind, int i, int in) {
  PlannedOp planned;
  planned.node = i;
  planned.op.kind = kind;
  planned.op.in = node(in).grid;
  planned.op.out = node(i).grid;
  plan.stages.back().ops.push_back(planned);
  return plan.stages.back().ops.back().op;
}

int PlanDraft::add_tensor(Grid grid, bool dense, bool sums, int of_stage) {
  PairTensor tensor{grid, dense, sums, plan.tensor_cells, 0, 0};
  if (dense) {
    tensor.cells = Index{grid.count()} * grid.count();
  } else {
    tensor.planes = static_cast<Index>(plan.integers.size());
    plan.integers.resize(plan.integers.size() +
                             static_cast<std::size_t>((2 * grid.height - 1) * (2 * grid.width - 1)),
                         -1);
    stages.shifts[of_stage].for_each([&](Shift s) { add_plane(tensor, s); });
    stages.self_shifts[of_stage].for_each([&](Shift s) { add_plane(tensor, s); });
    if (sums) add_plane(tensor, {0, 0});
  }
  plan.tensor_cells += 2 * tensor.cells;
  plan.tensors.push_back(tensor);
  return static_cast<int>(plan.tensors.size()) - 1;
}

void PlanDraft::add_plane(PairTensor& tensor, Shift s) {
  kernels::Rectangle const box(tensor.grid, s);
  if (box.empty()) return;
  auto& base = plan.integers[static_cast<std::size_t>(tensor.place(s))];
  if (base >= 0) return;
  base = static_cast<std::int32_t>(tensor.cells);
  tensor.cells += Index{box.height} * box.width;
}

Index PlanDraft::add_slots(Index count) {
  plan.n_slots += count;
  return plan.n_slots - count;
}

Index PlanDraft::half_variance(int i) {
  Index& slot = plan.slots[i].half_variance;
  if (slot < 0) slot = add_slots(node(i).grid.count());
  return slot;
}

Index PlanDraft::add_integers(std::vector<int> const& values) {
  auto const at = static_cast<Index>(plan.integers.size());
  plan.integers.insert(plan.integers.end(), values.begin(), values.end());
  return at;
}

Index PlanDraft::add_numbers(std::vector<double> const& values) {
  auto const at = static_cast<Index>(plan.numbers.size());
  plan.numbers.insert(plan.numbers.end(), values.begin(), values.end());
  return at;
}

bool is_wide(WindowNode const& window, Grid out) {
  constexpr std::size_t many = 16;
  return window.windows.size() > many * static_cast<std::size_t>(out.count());
}

}  // namespace widelimit::gram::detail
