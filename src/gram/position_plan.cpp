#include "widelimit/gram/position_plan.hpp"

#include <algorithm>

#include "gram/detail/plan_draft.hpp"
#include "gram/detail/plane_pool.hpp"
#include "gram/detail/position_sinks.hpp"

namespace widelimit::gram {
namespace {

using kernels::Margin;
using kernels::PlaneOp;
using kernels::PlaneOpKind;

bool is_one_sided(DualNode const& dual) {
  auto const* relu = std::get_if<network::AbRelu>(&dual.function);
  return relu != nullptr && (relu->a == 0) != (relu->b == 0);
}

class Planner {
 public:
  explicit Planner(PositionGraph graph) : draft_(std::move(graph)) {}

  PositionPlan run() {
    for (int s = 0; s < draft_.stages.count(); ++s) plan_stage();
    return std::move(draft_.plan);
  }

 private:
  PositionNode const& node(int i) const { return draft_.node(i); }
  std::vector<int> const& consumers(int i) const { return draft_.stages.consumers[i]; }

  void plan_stage() {
    draft_.begin_stage();
    planes_ = {};
    for (std::size_t i = 0; i < draft_.nodes().size(); ++i) {
      if (draft_.is_of_this_stage(static_cast<int>(i))) plan_node(static_cast<int>(i));
    }
    draft_.plan.n_planes = std::max(draft_.plan.n_planes, planes_.count());
  }

  int uses_here(int i) const {
    return static_cast<int>(std::ranges::count_if(consumers(i), [this](int c) {
      return draft_.is_of_this_stage(c) && !detail::mixes_shifts(node(c));
    }));
  }
  /// The plane that holds a value, loaded if an earlier stage made it.
  int plane_of(int i) {
    if (auto const plane = planes_.plane_of(i)) return *plane;
    int const plane = planes_.allocate();
    planes_.hold(i, plane, uses_here(i));
    PlaneOp<double>& op = draft_.emit(PlaneOpKind::load, i, i);
    op.dst = plane;
    op.tensor = draft_.plane_tensor.at(i);
    return plane;
  }

  /// A relu that is the only reader of a convolution is done with it.
  bool fused_away(int i) const {
    auto const* conv = std::get_if<ConvNode>(&node(i).kind);
    if (conv == nullptr || !conv->box || consumers(i).size() != 1) return false;
    int const next = consumers(i)[0];
    auto const* dual = std::get_if<DualNode>(&node(next).kind);
    return dual != nullptr && is_one_sided(*dual);
  }

  void plan_node(int i) {
    if (fused_away(i)) return;
    int const plane = std::visit([&](auto const& kind) { return apply(kind, i); }, node(i).kind);
    detail::plan_sinks(draft_, i, plane);
    planes_.hold(i, plane, uses_here(i));
  }

  int source(PlaneOpKind kind, int i, auto const& fill) {
    int const plane = planes_.allocate();
    PlaneOp<double>& op = draft_.emit(kind, i, node(i).inputs.empty() ? i : node(i).inputs[0]);
    op.dst = plane;
    op.exact = draft_.stages.needs_variance[i] != 0;
    fill(op);
    return plane;
  }

  int apply(InputNode const&, int i) {
    int const channels = static_cast<int>(draft_.plan.graph.channels);
    Index const first = draft_.plan.slots[i].first =
        draft_.add_slots(Index{node(i).grid.count()} * channels);
    return source(PlaneOpKind::input, i, [&](PlaneOp<double>& op) {
      op.slot_in = first;
      op.count = channels;
      op.scale = 0.5 / channels;
    });
  }

  int apply(ConvNode const& conv, int i) {
    int const in = node(i).inputs[0];
    if (!conv.box) {
      Index const table = draft_.add_integers(conv.taps);
      Index const slot_in = draft_.half_variance(in), slot_out = draft_.half_variance(i);
      return source(PlaneOpKind::taps, i, [&](PlaneOp<double>& op) {
        op.tensor = draft_.plane_tensor.at(in);
        op.table = table;
        op.count = conv.n_taps;
        op.scale = conv.w2 / conv.n_taps;
        op.only_equal = conv.local;
        op.slot_in = slot_in;
        op.slot_out = slot_out;
      });
    }
    return box_conv(conv, in, i, PlaneOpKind::conv, draft_.half_variance(i));
  }

  int box_conv(ConvNode const& conv, int in, int i, PlaneOpKind kind, Index slot_out) {
    int const src = plane_of(in);
    planes_.used(in);
    int const dst = planes_.allocate();  // the source's own where it is free
    Margin const& m = conv.filter.margin;
    bool const reaches = m.top + m.bottom + m.left + m.right > 0;
    Index const slot_in = reaches ? draft_.half_variance(in) : 0;
    PlaneOp<double>& op = draft_.emit(kind, i, in);
    op.src = src;
    op.dst = dst;
    op.filter = conv.filter;
    op.scale = conv.w2 / conv.n_taps;
    op.slot_in = slot_in;
    op.slot_out = slot_out;
    return dst;
  }

  int apply(DualNode const& dual, int i) {
    int const in = node(i).inputs[0];
    Index const positions = node(i).grid.count();
    if (fused_away(in)) {
      auto const& conv = std::get<ConvNode>(node(in).kind);
      Index const first = draft_.plan.slots[i].first = draft_.add_slots(2 * positions);
      int const dst = box_conv(conv, node(in).inputs[0], i, PlaneOpKind::conv_relu, first);
      auto const& relu = std::get<network::AbRelu>(dual.function);
      draft_.plan.stages.back().ops.back().op.gain = (relu.a + relu.b) * (relu.a + relu.b) / 2;
      draft_.plan.stages.back().ops.back().conv = in;
      return dst;
    }
    return unary(PlaneOpKind::dual, i, [](PlaneOp<double>&) {});
  }

  int apply(RnnNode const& rnn, int i) {
    Index const first = draft_.add_slots(2 * Index{node(i).grid.count()});
    return unary(PlaneOpKind::dual, i, [&](PlaneOp<double>& op) {
      op.recurrent = true;
      op.slot_in = first;
      op.scale = rnn.w2;
      op.more = rnn.u2;
    });
  }

  int apply(NormNode const&, int i) {
    Index const first = draft_.plan.slots[i].first =
        draft_.add_slots(2 * Index{node(i).grid.count()});
    return unary(PlaneOpKind::norm, i, [&](PlaneOp<double>& op) { op.slot_out = first; });
  }
  int apply(MaskNode const&, int i) {
    Index const first = draft_.plan.slots[i].first =
        draft_.add_slots(2 * Index{node(i).grid.count()});
    return unary(PlaneOpKind::mask, i, [&](PlaneOp<double>& op) { op.slot_out = first; });
  }
  int apply(DropoutNode const& dropout, int i) {
    Index const first = draft_.plan.slots[i].first = draft_.add_slots(node(i).grid.count());
    return unary(PlaneOpKind::dropout, i, [&](PlaneOp<double>& op) {
      op.slot_out = first;
      op.scale = 1 / dropout.keep;
    });
  }

  /// In place where the input is not needed any more; element-wise functions always work in place,
  /// on a copy where they must.
  int unary(PlaneOpKind kind, int i, auto const& fill) {
    int const in = node(i).inputs[0];
    int src = plane_of(in);
    planes_.used(in);
    int const dst = planes_.allocate();
    if (dst != src && kind == PlaneOpKind::dual) {
      copy(i, src, dst);
      src = dst;
    }
    PlaneOp<double>& op = draft_.emit(kind, i, in);
    op.src = src;
    op.dst = dst;
    fill(op);
    return dst;
  }

  void copy(int i, int src, int dst) {
    PlaneOp<double>& op = draft_.emit(PlaneOpKind::sum_first, i, i);
    op.src = src;
    op.dst = dst;
  }

  int apply(SumNode const& sum, int i) {
    int const dst = planes_.allocate();
    for (std::size_t b = 0; b < sum.weights.size(); ++b) {
      int const src = plane_of(node(i).inputs[b]);
      PlaneOp<double>& op =
          draft_.emit(b == 0 ? PlaneOpKind::sum_first : PlaneOpKind::sum_next, i, i);
      op.src = src;
      op.dst = dst;
      op.scale = sum.weights[b];
      planes_.used(node(i).inputs[b]);
    }
    return dst;
  }

  /// Slots: for each branch but the first, q/2 of the product so far and of the branch.
  int apply(ProductNode const&, int i) {
    auto const& inputs = node(i).inputs;
    Index const positions = node(i).grid.count();
    Index const first = draft_.plan.slots[i].first =
        draft_.add_slots(2 * positions * static_cast<Index>(inputs.size() - 1));
    int const dst = planes_.allocate();
    for (std::size_t b = 0; b < inputs.size(); ++b) {
      int const src = plane_of(inputs[b]);
      PlaneOp<double>& op =
          draft_.emit(b == 0 ? PlaneOpKind::sum_first : PlaneOpKind::product, i, i);
      op.src = src;
      op.dst = dst;
      if (b > 0) op.slot_out = first + 2 * positions * static_cast<Index>(b - 1);
      planes_.used(inputs[b]);
    }
    return dst;
  }

  int load_kernel(int i, double scale, double gain, double bias) {
    Index const slot_out = draft_.half_variance(i);
    return source(PlaneOpKind::load_kernel, i, [&](PlaneOp<double>& op) {
      op.tensor = draft_.plan.sum_tensor[i];
      op.slot_out = slot_out;
      op.scale = scale;
      op.gain = gain;
      op.shift = bias;
    });
  }

  int apply(WindowNode const& window, int i) {
    if (detail::is_wide(window, node(i).grid)) return load_kernel(i, 1, 0, 0);
    Index const first = draft_.plan.slots[i].first =
        draft_.add_slots(3 * Index{node(i).grid.count()});
    return source(PlaneOpKind::load_linear, i, [&](PlaneOp<double>& op) {
      op.tensor = draft_.plan.sum_tensor[i];
      op.slot_in = first;
    });
  }

  int apply(DiagonalNode const&, int i) {
    return source(PlaneOpKind::load, i,
                  [&](PlaneOp<double>& op) { op.tensor = draft_.plan.sum_tensor[i]; });
  }

  int apply(PointMapNode const&, int i) {
    sandwich(i, 1, 0, {});
    return load_kernel(i, 1, 0, 0);
  }

  int apply(AttentionNode const& attention, int i) {
    auto const& layer = attention.layer;
    double const b2 = layer.b_std * layer.b_std;
    double const vo2 = layer.w_value_std * layer.w_value_std * layer.w_out_std * layer.w_out_std;
    if (layer.linear_scaling) {
      bool const embeds = layer.val_pos_emb;
      sandwich(i, embeds ? attention.alpha : 1, embeds ? attention.beta : 0,
               embeds ? attention.correlation : std::vector<double>{});
      return load_kernel(i, vo2, 2, b2);
    }
    int const in = node(i).inputs[0];
    double const kq2 = layer.w_key_std * layer.w_key_std * layer.w_query_std * layer.w_query_std;
    Index const slot_in = draft_.half_variance(in), slot_out = draft_.half_variance(i);
    Index const numbers = draft_.add_numbers(attention.correlation);
    return source(PlaneOpKind::load_scaled, i, [&](PlaneOp<double>& op) {
      op.tensor = draft_.plane_tensor.at(in);
      op.count = draft_.plan.sum_tensor[i];
      op.numbers = numbers;
      op.slot_in = slot_in;
      op.slot_out = slot_out;
      op.scale = kq2 * vo2;
      op.gain = attention.alpha;
      op.more = attention.beta;
      op.shift = b2;
    });
  }

  /// Slots: G.
  void sandwich(int i, double alpha, double beta, std::vector<double> const& correlation) {
    int const in = node(i).inputs[0];
    Index const n = node(in).grid.count(), m = node(i).grid.count();
    draft_.plan.slots[i].first = draft_.add_slots(m * n);
    draft_.plan.sum_tensor[i] = draft_.add_tensor(node(i).grid, true, false, draft_.stage);
    int const work = draft_.add_tensor(node(in).grid, true, false, draft_.stage);
    auto& stage = draft_.plan.stages.back();
    stage.sandwiches.push_back({draft_.dense_tensor.at(i), draft_.plan.sum_tensor[i], work,
                                draft_.plan.slots[i].first, draft_.half_variance(in), alpha, beta,
                                draft_.add_numbers(correlation)});
    stage.sandwich_nodes.push_back(i);
  }

  detail::PlanDraft draft_;
  detail::PlanePool planes_;
};

}  // namespace

double PositionPlan::task_bytes() const {
  constexpr double cell = 64;
  return cell * static_cast<double>(tensor_cells + 2 * plane_cells * n_planes + sum_cells);
}

std::shared_ptr<PositionPlan const> position_plan(PositionGraph graph) {
  return std::make_shared<PositionPlan const>(Planner(std::move(graph)).run());
}

}  // namespace widelimit::gram
