#include "widelimit/gram/position_plan.hpp"

#include <algorithm>
#include <map>

#include "gram/detail/stages.hpp"

namespace widelimit::gram {
namespace {

using kernels::Margin;
using kernels::PairTensor;
using kernels::PlaneOp;
using kernels::PlaneOpKind;
using kernels::Shift;

bool is_one_sided(DualNode const& dual) {
  auto const* relu = std::get_if<network::AbRelu>(&dual.function);
  return relu != nullptr && (relu->a == 0) != (relu->b == 0);
}

bool linear_attention(PositionNode const& node) {
  auto const* attention = std::get_if<AttentionNode>(&node.kind);
  return attention != nullptr && attention->layer.linear_scaling;
}

class Planner {
 public:
  explicit Planner(PositionGraph graph) : stages_(detail::find_stages(graph)) {
    plan_.graph = std::move(graph);
    auto const n = nodes().size();
    plan_.slots.resize(n);
    plan_.sum_tensor.assign(n, -1);
    plane_tensor_.assign(n, -1);
    dense_tensor_.assign(n, -1);
  }

  PositionPlan run() {
    find_margin();
    for (int s = 0; s < stages_.count(); ++s) plan_stage(s);
    return std::move(plan_);
  }

 private:
  std::vector<PositionNode> const& nodes() const { return plan_.graph.nodes; }
  PositionNode const& node(int i) const { return nodes()[i]; }

  void find_margin() {
    Index height = 1, width = 1, filter_height = 1;
    for (auto const& node : nodes()) {
      height = std::max<Index>(height, node.grid.height);
      width = std::max<Index>(width, node.grid.width);
      auto const* conv = std::get_if<ConvNode>(&node.kind);
      if (conv == nullptr || !conv->box) continue;
      Margin const& m = conv->filter.margin;
      Margin& most = plan_.margin;
      most = {std::max(most.top, m.top), std::max(most.bottom, m.bottom),
              std::max(most.left, m.left), std::max(most.right, m.right)};
      filter_height = std::max<Index>(filter_height, conv->filter.height);
    }
    Margin const& m = plan_.margin;
    plan_.plane_cells = (height + m.top + m.bottom) * (width + m.left + m.right);
    plan_.sum_cells = 2 * filter_height * width;
  }

  // Memory of tensors and slots.

  int add_tensor(Grid grid, bool dense, bool sums, int stage) {
    PairTensor tensor{grid, dense, sums, plan_.tensor_cells, 0, 0};
    if (dense) {
      tensor.cells = Index{grid.count()} * grid.count();
    } else {
      tensor.planes = static_cast<Index>(plan_.integers.size());
      plan_.integers.resize(plan_.integers.size() + static_cast<std::size_t>((2 * grid.height - 1) *
                                                                             (2 * grid.width - 1)),
                            -1);
      stages_.shifts[stage].for_each([&](Shift s) { add_plane(tensor, s); });
      stages_.self_shifts[stage].for_each([&](Shift s) { add_plane(tensor, s); });
      if (sums) add_plane(tensor, {0, 0});
    }
    plan_.tensor_cells += 2 * tensor.cells;
    plan_.tensors.push_back(tensor);
    return static_cast<int>(plan_.tensors.size()) - 1;
  }
  void add_plane(PairTensor& tensor, Shift s) {
    kernels::Rectangle const box(tensor.grid, s);
    if (box.empty()) return;
    auto& base = plan_.integers[static_cast<std::size_t>(tensor.place(s))];
    if (base >= 0) return;
    base = static_cast<std::int32_t>(tensor.cells);
    tensor.cells += Index{box.height} * box.width;
  }

  Index add_slots(Index count) {
    plan_.n_slots += count;
    return plan_.n_slots - count;
  }
  Index half_variance(int i) {
    Index& slot = plan_.slots[i].half_variance;
    if (slot < 0) slot = add_slots(node(i).grid.count());
    return slot;
  }
  Index add_integers(std::vector<int> const& values) {
    auto const at = static_cast<Index>(plan_.integers.size());
    plan_.integers.insert(plan_.integers.end(), values.begin(), values.end());
    return at;
  }
  Index add_numbers(std::vector<double> const& values) {
    auto const at = static_cast<Index>(plan_.numbers.size());
    plan_.numbers.insert(plan_.numbers.end(), values.begin(), values.end());
    return at;
  }

  // One stage.

  void plan_stage(int s) {
    stage_ = s;
    PlannedStage& stage = plan_.stages.emplace_back();
    stage.grid = stages_.grids[s];
    stages_.shifts[s].for_each([&](Shift shift) { stage.shifts.push_back(shift); });
    stages_.self_shifts[s].for_each([&](Shift shift) { stage.self_shifts.push_back(shift); });
    plan_.self_planes = plan_.self_planes || !stage.self_shifts.empty();
    planes_.clear();
    free_.clear();
    n_planes_ = 0;
    for (std::size_t i = 0; i < nodes().size(); ++i) {
      if (stages_.of_node[i] == s) plan_node(static_cast<int>(i));
    }
    plan_.n_planes = std::max(plan_.n_planes, n_planes_);
  }

  struct Held {
    int plane, uses;
  };

  int allocate() {
    if (!free_.empty()) {
      int const plane = free_.back();
      free_.pop_back();
      return plane;
    }
    return n_planes_++;
  }
  int uses_here(int i) const {
    int count = 0;
    for (int const c : stages_.consumers[i]) {
      if (stages_.of_node[c] == stage_ && !detail::mixes_shifts(node(c))) ++count;
    }
    return count;
  }
  /// The plane that holds a value, loaded if an earlier stage made it.
  int plane_of(int i) {
    if (auto const at = planes_.find(i); at != planes_.end()) return at->second.plane;
    int const plane = allocate();
    planes_[i] = {plane, uses_here(i)};
    PlaneOp<double>& op = emit(PlaneOpKind::load, i, i);
    op.dst = plane;
    op.tensor = plane_tensor_.at(i);
    return plane;
  }
  void used(int i) {
    Held& held = planes_.at(i);
    if (--held.uses == 0) {
      free_.push_back(held.plane);
      planes_.erase(i);
    }
  }

  PlaneOp<double>& emit(PlaneOpKind kind, int i, int in) {
    PlannedOp planned;
    planned.node = i;
    planned.op.kind = kind;
    planned.op.in = node(in).grid;
    planned.op.out = node(i).grid;
    plan_.stages.back().ops.push_back(planned);
    return plan_.stages.back().ops.back().op;
  }

  /// A relu that is the only reader of a convolution is done with it.
  bool fused_away(int i) const {
    auto const* conv = std::get_if<ConvNode>(&node(i).kind);
    if (conv == nullptr || !conv->box || stages_.consumers[i].size() != 1) return false;
    int const next = stages_.consumers[i][0];
    auto const* dual = std::get_if<DualNode>(&node(next).kind);
    return dual != nullptr && is_one_sided(*dual);
  }

  void plan_node(int i) {
    if (fused_away(i)) return;
    int const plane = std::visit([&](auto const& kind) { return apply(kind, i); }, node(i).kind);
    planes_[i] = {plane, uses_here(i)};
    plan_sinks(i, plane);
    if (planes_.at(i).uses == 0) {
      free_.push_back(plane);
      planes_.erase(i);
    }
  }

  int source(PlaneOpKind kind, int i, auto const& fill) {
    int const plane = allocate();
    PlaneOp<double>& op = emit(kind, i, node(i).inputs.empty() ? i : node(i).inputs[0]);
    op.dst = plane;
    op.exact = stages_.needs_variance[i] != 0;
    fill(op);
    return plane;
  }

  int apply(InputNode const&, int i) {
    int const channels = static_cast<int>(plan_.graph.channels);
    Index const first = plan_.slots[i].first = add_slots(Index{node(i).grid.count()} * channels);
    return source(PlaneOpKind::input, i, [&](PlaneOp<double>& op) {
      op.slot_in = first;
      op.count = channels;
      op.scale = 0.5 / channels;
    });
  }

  int apply(ConvNode const& conv, int i) {
    int const in = node(i).inputs[0];
    if (!conv.box) {
      Index const table = add_integers(conv.taps);
      Index const slot_in = half_variance(in), slot_out = half_variance(i);
      return source(PlaneOpKind::taps, i, [&](PlaneOp<double>& op) {
        op.tensor = plane_tensor_.at(in);
        op.table = table;
        op.count = conv.n_taps;
        op.scale = conv.w2 / conv.n_taps;
        op.only_equal = conv.local;
        op.slot_in = slot_in;
        op.slot_out = slot_out;
      });
    }
    return box_conv(conv, in, i, PlaneOpKind::conv, half_variance(i));
  }

  int box_conv(ConvNode const& conv, int in, int i, PlaneOpKind kind, Index slot_out) {
    int const src = plane_of(in);
    used(in);
    int const dst = allocate();  // the source's own where it is free
    Margin const& m = conv.filter.margin;
    bool const reaches = m.top + m.bottom + m.left + m.right > 0;
    Index const slot_in = reaches ? half_variance(in) : 0;
    PlaneOp<double>& op = emit(kind, i, in);
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
      Index const first = plan_.slots[i].first = add_slots(2 * positions);
      int const dst = box_conv(conv, node(in).inputs[0], i, PlaneOpKind::conv_relu, first);
      auto const& relu = std::get<network::AbRelu>(dual.function);
      plan_.stages.back().ops.back().op.gain = (relu.a + relu.b) * (relu.a + relu.b) / 2;
      plan_.stages.back().ops.back().conv = in;
      return dst;
    }
    return unary(PlaneOpKind::dual, i, [](PlaneOp<double>&) {});
  }

  int apply(RnnNode const& rnn, int i) {
    Index const first = add_slots(2 * Index{node(i).grid.count()});
    return unary(PlaneOpKind::dual, i, [&](PlaneOp<double>& op) {
      op.recurrent = true;
      op.slot_in = first;
      op.scale = rnn.w2;
      op.more = rnn.u2;
    });
  }

  int apply(NormNode const&, int i) {
    Index const first = plan_.slots[i].first = add_slots(2 * Index{node(i).grid.count()});
    return unary(PlaneOpKind::norm, i, [&](PlaneOp<double>& op) { op.slot_out = first; });
  }
  int apply(MaskNode const&, int i) {
    Index const first = plan_.slots[i].first = add_slots(2 * Index{node(i).grid.count()});
    return unary(PlaneOpKind::mask, i, [&](PlaneOp<double>& op) { op.slot_out = first; });
  }
  int apply(DropoutNode const& dropout, int i) {
    Index const first = plan_.slots[i].first = add_slots(node(i).grid.count());
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
    used(in);
    int const dst = allocate();
    if (dst != src && kind == PlaneOpKind::dual) {
      copy(i, src, dst);
      src = dst;
    }
    PlaneOp<double>& op = emit(kind, i, in);
    op.src = src;
    op.dst = dst;
    fill(op);
    return dst;
  }

  void copy(int i, int src, int dst) {
    PlaneOp<double>& op = emit(PlaneOpKind::sum_first, i, i);
    op.src = src;
    op.dst = dst;
  }

  int apply(SumNode const& sum, int i) {
    int const dst = allocate();
    for (std::size_t b = 0; b < sum.weights.size(); ++b) {
      int const src = plane_of(node(i).inputs[b]);
      PlaneOp<double>& op = emit(b == 0 ? PlaneOpKind::sum_first : PlaneOpKind::sum_next, i, i);
      op.src = src;
      op.dst = dst;
      op.scale = sum.weights[b];
      used(node(i).inputs[b]);
    }
    return dst;
  }

  /// Slots: for each branch but the first, q/2 of the product so far and of the branch.
  int apply(ProductNode const&, int i) {
    auto const& inputs = node(i).inputs;
    Index const positions = node(i).grid.count();
    Index const first = plan_.slots[i].first =
        add_slots(2 * positions * static_cast<Index>(inputs.size() - 1));
    int const dst = allocate();
    for (std::size_t b = 0; b < inputs.size(); ++b) {
      int const src = plane_of(inputs[b]);
      PlaneOp<double>& op = emit(b == 0 ? PlaneOpKind::sum_first : PlaneOpKind::product, i, i);
      op.src = src;
      op.dst = dst;
      if (b > 0) op.slot_out = first + 2 * positions * static_cast<Index>(b - 1);
      used(inputs[b]);
    }
    return dst;
  }

  int load_kernel(int i, double scale, double gain, double bias) {
    Index const slot_out = half_variance(i);
    return source(PlaneOpKind::load_kernel, i, [&](PlaneOp<double>& op) {
      op.tensor = plan_.sum_tensor[i];
      op.slot_out = slot_out;
      op.scale = scale;
      op.gain = gain;
      op.shift = bias;
    });
  }

  int apply(WindowNode const& window, int i) {
    if (is_wide(window, node(i).grid)) return load_kernel(i, 1, 0, 0);
    Index const first = plan_.slots[i].first = add_slots(3 * Index{node(i).grid.count()});
    return source(PlaneOpKind::load_linear, i, [&](PlaneOp<double>& op) {
      op.tensor = plan_.sum_tensor[i];
      op.slot_in = first;
    });
  }

  /// Averages over so many positions that they may be much smaller than what they average.
  static bool is_wide(WindowNode const& window, Grid out) {
    constexpr std::size_t many = 16;
    return window.windows.size() > many * static_cast<std::size_t>(out.count());
  }

  int apply(DiagonalNode const&, int i) {
    return source(PlaneOpKind::load, i,
                  [&](PlaneOp<double>& op) { op.tensor = plan_.sum_tensor[i]; });
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
    Index const slot_in = half_variance(in), slot_out = half_variance(i);
    Index const numbers = add_numbers(attention.correlation);
    return source(PlaneOpKind::load_scaled, i, [&](PlaneOp<double>& op) {
      op.tensor = plane_tensor_.at(in);
      op.count = plan_.sum_tensor[i];
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
    plan_.slots[i].first = add_slots(m * n);
    plan_.sum_tensor[i] = add_tensor(node(i).grid, true, false, stage_);
    int const work = add_tensor(node(in).grid, true, false, stage_);
    auto& stage = plan_.stages.back();
    stage.sandwiches.push_back({dense_tensor_.at(i), plan_.sum_tensor[i], work,
                                plan_.slots[i].first, half_variance(in), alpha, beta,
                                add_numbers(correlation)});
    stage.sandwich_nodes.push_back(i);
  }

  // What later stages need of a value.

  void plan_sinks(int i, int plane) {
    bool keep = false;
    for (int const c : stages_.consumers[i]) {
      bool const mixes = detail::mixes_shifts(node(c));
      if (stages_.of_node[c] == stage_ && !mixes) continue;
      bool const squares =
          std::holds_alternative<AttentionNode>(node(c).kind) && !linear_attention(node(c));
      keep = keep || !mixes || std::holds_alternative<ConvNode>(node(c).kind) || squares;
      if (squares) attention_sums(std::get<AttentionNode>(node(c).kind), i, c, plane);
      if (std::holds_alternative<PointMapNode>(node(c).kind) || linear_attention(node(c))) {
        dense_tensor_[c] = add_tensor(node(i).grid, true, false, stage_);
        sink(PlaneOpKind::store, i, plane, dense_tensor_[c]);
      }
      if (auto const* window = std::get_if<WindowNode>(&node(c).kind))
        scatter(*window, i, c, plane);
      if (auto const* diagonal = std::get_if<DiagonalNode>(&node(c).kind)) {
        plan_.sum_tensor[c] = add_tensor({1, 1}, false, true, stages_.of_node[c]);
        auto& op = sink(PlaneOpKind::add_diagonal, i, plane, plan_.sum_tensor[c]);
        op.only_equal = true;
        op.numbers = add_numbers(diagonal->weights);
      }
    }
    if (i == plan_.graph.output) {
      half_variance(i);
      keep = true;
    }
    if (!keep) return;
    plane_tensor_[i] = add_tensor(node(i).grid, false, false, stage_);
    sink(PlaneOpKind::store, i, plane, plane_tensor_[i]);
    if (i == plan_.graph.output) plan_.output_tensor = plane_tensor_[i];
  }

  PlaneOp<double>& sink(PlaneOpKind kind, int i, int plane, int tensor) {
    PlaneOp<double>& op = emit(kind, i, i);
    op.src = plane;
    op.tensor = tensor;
    return op;
  }

  void attention_sums(AttentionNode const& attention, int i, int c, int plane) {
    plan_.sum_tensor[c] = add_tensor({1, 1}, true, true, stage_);
    Index const slot_in = half_variance(i), numbers = add_numbers(attention.correlation);
    auto& op = sink(PlaneOpKind::add_attention, i, plane, plan_.sum_tensor[c]);
    op.slot_in = slot_in;
    op.numbers = numbers;
    op.gain = attention.alpha;
    op.more = attention.beta;
    op.only_equal = attention.layer.val_pos_emb;
    if (!plan_.graph.masked) return;
    op.count = 1;
    op.slot_out = plan_.slots[c].first = add_slots(node(i).grid.count());
  }

  void scatter(WindowNode const& window, int i, int c, int plane) {
    int const tensor = plan_.sum_tensor[c] =
        add_tensor(node(c).grid, false, true, stages_.of_node[c]);
    bool const all =
        node(c).grid.count() == 1 && std::all_of(window.weights.begin(), window.weights.end(),
                                                 [&](double w) { return w == window.weights[0]; });
    bool const kernels = is_wide(window, node(c).grid);
    Index const slot_in = kernels ? half_variance(i) : 0;
    if (all && static_cast<int>(window.windows.size()) == node(i).grid.count()) {
      auto& op = sink(PlaneOpKind::add_all, i, plane, tensor);
      op.scale = window.weights[0] * window.weights[0];
      op.kernels = kernels;
      op.slot_in = slot_in;
      return;
    }
    std::vector<int> table = window.begin;
    table.insert(table.end(), window.windows.begin(), window.windows.end());
    Index const at = add_integers(table), numbers = add_numbers(window.weights);
    auto& op = sink(PlaneOpKind::scatter, i, plane, tensor);
    op.kernels = kernels;
    op.slot_in = slot_in;
    op.table = at;
    op.numbers = numbers;
  }

  detail::Stages stages_;
  PositionPlan plan_;
  int stage_ = 0;
  std::vector<int> plane_tensor_;  ///< of each node's value, by planes
  std::vector<int> dense_tensor_;  ///< of the input of each node that reads all pairs
  std::map<int, Held> planes_;
  std::vector<int> free_;
  int n_planes_ = 0;
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
