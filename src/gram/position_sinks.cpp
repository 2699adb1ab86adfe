#include "gram/detail/position_sinks.hpp"

#include <algorithm>

namespace widelimit::gram::detail {
namespace {

using kernels::PlaneOp;
using kernels::PlaneOpKind;

bool linear_attention(PositionNode const& node) {
  auto const* attention = std::get_if<AttentionNode>(&node.kind);
  return attention != nullptr && attention->layer.linear_scaling;
}

class Sinks {
 public:
  explicit Sinks(PlanDraft& draft) : draft_(draft) {}

  void add(int i, int plane) {
    bool keep = false;
    for (int const c : draft_.stages.consumers[i]) {
      PositionNode const& reader = draft_.node(c);
      bool const mixes = mixes_shifts(reader), linear = linear_attention(reader);
      if (draft_.is_of_this_stage(c) && !mixes) continue;
      auto const* attention = std::get_if<AttentionNode>(&reader.kind);
      bool const squares = attention != nullptr && !linear;
      keep = keep || !mixes || std::holds_alternative<ConvNode>(reader.kind) || squares;
      if (squares) attention_sums(*attention, i, c, plane);
      if (std::holds_alternative<PointMapNode>(reader.kind) || linear) {
        draft_.dense_tensor[c] = draft_.add_tensor(draft_.node(i).grid, true, false, draft_.stage);
        sink(PlaneOpKind::store, i, plane, draft_.dense_tensor[c]);
      }
      if (auto const* window = std::get_if<WindowNode>(&reader.kind)) scatter(*window, i, c, plane);
      if (auto const* diagonal = std::get_if<DiagonalNode>(&reader.kind)) {
        draft_.plan.sum_tensor[c] =
            draft_.add_tensor({1, 1}, false, true, draft_.stages.of_node[c]);
        auto& op = sink(PlaneOpKind::add_diagonal, i, plane, draft_.plan.sum_tensor[c]);
        op.only_equal = true;
        op.numbers = draft_.add_numbers(diagonal->weights);
      }
    }
    if (i == draft_.plan.graph.output) {
      draft_.half_variance(i);
      keep = true;
    }
    if (!keep) return;
    draft_.plane_tensor[i] = draft_.add_tensor(draft_.node(i).grid, false, false, draft_.stage);
    sink(PlaneOpKind::store, i, plane, draft_.plane_tensor[i]);
    if (i == draft_.plan.graph.output) draft_.plan.output_tensor = draft_.plane_tensor[i];
  }

 private:
  PlaneOp<double>& sink(PlaneOpKind kind, int i, int plane, int tensor) {
    PlaneOp<double>& op = draft_.emit(kind, i, i);
    op.src = plane;
    op.tensor = tensor;
    return op;
  }

  void attention_sums(AttentionNode const& attention, int i, int c, int plane) {
    draft_.plan.sum_tensor[c] = draft_.add_tensor({1, 1}, true, true, draft_.stage);
    Index const slot_in = draft_.half_variance(i),
                numbers = draft_.add_numbers(attention.correlation);
    auto& op = sink(PlaneOpKind::add_attention, i, plane, draft_.plan.sum_tensor[c]);
    op.slot_in = slot_in;
    op.numbers = numbers;
    op.gain = attention.alpha;
    op.more = attention.beta;
    op.only_equal = attention.layer.val_pos_emb;
    if (!draft_.plan.graph.masked) return;
    op.count = 1;
    op.slot_out = draft_.plan.slots[c].first = draft_.add_slots(draft_.node(i).grid.count());
  }

  void scatter(WindowNode const& window, int i, int c, int plane) {
    int const tensor = draft_.plan.sum_tensor[c] =
        draft_.add_tensor(draft_.node(c).grid, false, true, draft_.stages.of_node[c]);
    bool const all = draft_.node(c).grid.count() == 1 &&
                     std::all_of(window.weights.begin(), window.weights.end(),
                                 [&](double w) { return w == window.weights[0]; });
    bool const kernels = is_wide(window, draft_.node(c).grid);
    Index const slot_in = kernels ? draft_.half_variance(i) : 0;
    if (all && static_cast<int>(window.windows.size()) == draft_.node(i).grid.count()) {
      auto& op = sink(PlaneOpKind::add_all, i, plane, tensor);
      op.scale = window.weights[0] * window.weights[0];
      op.kernels = kernels;
      op.slot_in = slot_in;
      return;
    }
    std::vector<int> table = window.begin;
    table.insert(table.end(), window.windows.begin(), window.windows.end());
    Index const at = draft_.add_integers(table), numbers = draft_.add_numbers(window.weights);
    auto& op = sink(PlaneOpKind::scatter, i, plane, tensor);
    op.kernels = kernels;
    op.slot_in = slot_in;
    op.table = at;
    op.numbers = numbers;
  }

  PlanDraft& draft_;
};

}  // namespace

void plan_sinks(PlanDraft& draft, int i, int plane) {
  Sinks(draft).add(i, plane);
}

}  // namespace widelimit::gram::detail
