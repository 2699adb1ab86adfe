#include "widelimit/gram/bound_positions.hpp"

#include <algorithm>
#include <cmath>

#include "gram/detail/table_filler.hpp"

namespace widelimit::gram {
namespace {

using kernels::PlaneOp;
using kernels::PlaneOpKind;

bool is_element_wise(PositionNode const& node) {
  return std::holds_alternative<DualNode>(node.kind) || std::holds_alternative<RnnNode>(node.kind);
}

network::Activation const& function_of(PositionNode const& node) {
  auto const* dual = std::get_if<DualNode>(&node.kind);
  return dual != nullptr ? dual->function : std::get<RnnNode>(node.kind).function;
}

template <class Real>
PlaneOp<Real> in_precision(PlaneOp<double> const& op, BoundFunction<Real> const& function) {
  PlaneOp<Real> result;
  result.kind = op.kind == PlaneOpKind::dual ? function.kind : op.kind;
  result.dst = op.dst;
  result.src = op.src;
  result.in = op.in;
  result.out = op.out;
  result.tensor = op.tensor;
  result.only_equal = op.only_equal;
  result.exact = op.exact;
  result.kernels = op.kernels;
  result.recurrent = op.recurrent;
  result.filter = op.filter;
  result.slot_in = op.slot_in;
  result.slot_out = op.slot_out;
  result.table = op.table;
  result.numbers = op.numbers;
  result.count = op.kind == PlaneOpKind::dual ? function.count : op.count;
  result.scale = static_cast<Real>(op.scale);
  result.shift = static_cast<Real>(op.shift);
  result.gain = static_cast<Real>(op.gain);
  result.more = static_cast<Real>(op.more);
  result.fn = function.fn;
  result.dual = function.dual;
  return result;
}

template <class T>
void copy(char const* label, std::vector<T> const& values, Kokkos::View<T*, HostExec>& host,
          Kokkos::View<T*, Exec>& device) {
  host = Kokkos::View<T*, HostExec>(
      Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing), values.size());
  std::copy(values.begin(), values.end(), host.data());
  device = Kokkos::create_mirror_view_and_copy(Exec(), host);
}

}  // namespace

template <class Real>
BoundPositions<Real>::BoundPositions(std::shared_ptr<PositionPlan const> plan,
                                     std::vector<Points<Real>*> const& sets)
    : plan_(std::move(plan)),
      stages_(plan_->stages),
      functions_(stages_.size()),
      numbers_(plan_->numbers),
      n_slots_(plan_->n_slots) {
  make_arrays();
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    for (std::size_t o = 0; o < stages_[s].ops.size(); ++o) {
      PlannedOp& planned = stages_[s].ops[o];
      PositionNode const& node = plan_->graph.nodes[planned.node];
      BoundFunction<Real>& function = functions_[s].emplace_back();
      if (planned.op.kind != PlaneOpKind::dual || !is_element_wise(node)) continue;
      function = bind_function<Real>(function_of(node), node.name, [&] {
        // What comes before must run to tell.
        make_arrays();
        return largest_scale(sets, static_cast<int>(s), static_cast<int>(o));
      });
      if (!function.note.empty()) note_ = function.note;
      planned.op.numbers = static_cast<Index>(numbers_.size());
      numbers_.insert(numbers_.end(), function.table.begin(), function.table.end());
      planned.op.slot_out = n_slots_;
      n_slots_ += (3 + function.n_coefficients) * node.grid.count();
    }
  }
  make_arrays();
}

template <class Real>
void BoundPositions<Real>::make_arrays() {
  std::vector<PlaneOp<Real>> ops;
  std::vector<kernels::SandwichOp> sandwiches;
  std::vector<kernels::StageRange> ranges;
  std::vector<int> integers = plan_->integers;
  auto const add_shifts = [&](std::vector<kernels::Shift> const& shifts) {
    for (auto const& shift : shifts) {
      integers.push_back(shift.y);
      integers.push_back(shift.x);
    }
    return static_cast<Index>(integers.size());
  };
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    kernels::StageRange range{};
    range.op_begin = static_cast<int>(ops.size());
    for (std::size_t o = 0; o < std::min(stages_[s].ops.size(), functions_[s].size()); ++o)
      ops.push_back(in_precision<Real>(stages_[s].ops[o].op, functions_[s][o]));
    range.op_end = static_cast<int>(ops.size());
    range.sandwich_begin = static_cast<int>(sandwiches.size());
    sandwiches.insert(sandwiches.end(), stages_[s].sandwiches.begin(), stages_[s].sandwiches.end());
    range.sandwich_end = static_cast<int>(sandwiches.size());
    range.shift_begin = static_cast<Index>(integers.size());
    range.shift_end = add_shifts(stages_[s].shifts);
    range.self_shift_begin = range.shift_end;
    range.self_shift_end = add_shifts(stages_[s].self_shifts);
    ranges.push_back(range);
  }
  std::vector<Real> const reals(numbers_.begin(), numbers_.end());
  copy("widelimit::gram::plane_ops", ops, host_.ops, device_.ops);
  copy("widelimit::gram::sandwiches", sandwiches, host_.sandwiches, device_.sandwiches);
  copy("widelimit::gram::stage_ranges", ranges, host_.ranges, device_.ranges);
  copy("widelimit::gram::pair_tensors", plan_->tensors, host_.tensors, device_.tensors);
  copy("widelimit::gram::plan_integers", integers, host_.integers, device_.integers);
  copy("widelimit::gram::plan_reals", reals, host_.reals, device_.reals);
}

template <class Real>
template <class Space>
kernels::PairProgram<Real> BoundPositions<Real>::program_in(
    PlaneArrays<Real, Space> const& arrays) const {
  return {arrays.ops.data(),
          arrays.sandwiches.data(),
          arrays.tensors.data(),
          arrays.ranges.data(),
          static_cast<int>(arrays.tensors.extent(0)),
          static_cast<int>(arrays.ranges.extent(0)),
          arrays.integers.data(),
          arrays.reals.data(),
          plan_->n_planes,
          plan_->margin,
          plan_->plane_cells,
          plan_->tensor_cells,
          plan_->sum_cells,
          plan_->output_tensor,
          plan_->slots[plan_->graph.output].half_variance};
}

template <class Real>
kernels::PairProgram<Real> BoundPositions<Real>::program() const {
  return program_in(device_);
}

template <class Real>
kernels::PairProgram<Real> BoundPositions<Real>::host_program() const {
  return program_in(host_);
}

namespace {

/// Runs the stages of a pack of points, each with itself, as far as functions are bound.
template <class Real>
class SelfPass {
 public:
  static constexpr int lanes = kernels::pack_lanes<Real>;

  SelfPass(detail::TableFiller<Real>& filler, kernels::PairProgram<Real> const& program,
           Real const* table, Real* task)
      : filler_(filler), program_(program), memory_(program.memory(task)), table_(table) {
    std::fill_n(same_, lanes, Real(1));
    program_.clear(kernels::HostMember{}, memory_);
  }

  void stage(int s, int ops) {
    filler_.fill(s, 0, ops, memory_.tensors);
    auto const& range = program_.stages[s];
    program_.run_stage(kernels::HostMember{},
                       kernels::PackTables<Real, true>{table_, table_, same_}, memory_, range,
                       range.self_shift_begin, range.self_shift_end);
  }
  void fill(int s, int ops) { filler_.fill(s, 0, ops, memory_.tensors); }

 private:
  detail::TableFiller<Real>& filler_;
  kernels::PairProgram<Real> const& program_;
  kernels::TaskMemory<Real> memory_;
  Real const* table_;
  Real same_[lanes];
};

}  // namespace

template <class Real>
void BoundPositions<Real>::fill_tables(Points<Real> const& points,
                                       std::vector<Index> const& numbers, Real* table,
                                       Real* task) const {
  auto const pairs = host_program();
  detail::TableFiller<Real> filler(*plan_, stages_, functions_, points, numbers, table);
  SelfPass<Real> pass(filler, pairs, table, task);
  for (int s = 0; s < pairs.n_stages; ++s)
    pass.stage(s, static_cast<int>(stages_[static_cast<std::size_t>(s)].ops.size()));
}

/// Of what an element-wise function reads, over a sample of the points, with a margin.
template <class Real>
double BoundPositions<Real>::largest_scale(std::vector<Points<Real>*> const& sets, int stage,
                                           int op) const {
  constexpr double margin = 1.25;
  constexpr Index packs = 4;
  auto const pairs = host_program();
  std::vector<Real> table(static_cast<std::size_t>(n_slots_ * lanes)),
      task(static_cast<std::size_t>(task_reals()));
  double largest = 0;
  for (Points<Real> const* points : sets) {
    if (points->n == 0) continue;
    Index const count = std::min(points->n, packs * lanes);
    for (Index first = 0; first < count; first += lanes) {
      std::vector<Index> numbers;
      for (Index k = first; k < std::min(count, first + lanes); ++k)
        numbers.push_back(k * points->n / count);
      detail::TableFiller<Real> filler(*plan_, stages_, functions_, *points, numbers, table.data());
      SelfPass<Real> pass(filler, pairs, table.data(), task.data());
      for (int s = 0; s < stage; ++s)
        pass.stage(s, static_cast<int>(stages_[static_cast<std::size_t>(s)].ops.size()));
      pass.fill(stage, op);
      for (double const r : filler.scales_before(stage, op)) largest = std::max(largest, r);
    }
  }
  return margin * largest;
}

template class BoundPositions<float>;
template class BoundPositions<double>;

}  // namespace widelimit::gram
