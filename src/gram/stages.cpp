#include "gram/detail/stages.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace widelimit::gram::detail {
namespace {

Shift between(int p, int q, Grid grid) {
  return {q / grid.width - p / grid.width, q % grid.width - p % grid.width};
}

/// Calls f(P, Q) for all positions P of a plane of any shift of `set` on a grid.
template <class F>
void for_each_pair(ShiftSet const& set, Grid grid, F const& f) {
  set.for_each([&](Shift s) {
    if (kernels::Rectangle(grid, s).empty()) return;
    kernels::for_each_position(
        grid, s, [&](int, int, Index p, Index q) { f(static_cast<int>(p), static_cast<int>(q)); });
  });
}

/// Shifts of the input of a mixing node that shifts `need` of its output are made of.
void add_needs(PositionNode const& node, ShiftSet const& need, Grid in, ShiftSet& result) {
  if (reads_all_pairs(node)) {
    for (int y = 1 - in.height; y < in.height; ++y)
      for (int x = 1 - in.width; x < in.width; ++x) result.add({y, x});
  } else if (auto const* conv = std::get_if<ConvNode>(&node.kind)) {
    for_each_pair(need, node.grid, [&](int p, int q) {
      if (conv->local && p != q) return;
      for (int i = 0; i < conv->n_taps; ++i) {
        int const a = conv->taps[p * conv->n_taps + i], b = conv->taps[q * conv->n_taps + i];
        if (a >= 0 && b >= 0) result.add(between(a, b, in));
      }
    });
  } else if (auto const* window = std::get_if<WindowNode>(&node.kind)) {
    std::vector<std::vector<int>> members(node.grid.count());
    for (int p = 0; p < in.count(); ++p) {
      for (int i = window->begin[p]; i < window->begin[p + 1]; ++i)
        members[window->windows[i]].push_back(p);
    }
    for_each_pair(need, node.grid, [&](int p, int q) {
      if (result.full()) return;
      for (int const a : members[p])
        for (int const b : members[q]) result.add(between(a, b, in));
    });
  } else {
    result.add({0, 0});  // the diagonal
  }
}

class StageFinder {
 public:
  explicit StageFinder(PositionGraph const& graph)
      : graph_(graph), level_(graph.nodes.size(), 0), root_(graph.nodes.size()) {}

  Stages run() {
    auto const n = static_cast<int>(graph_.nodes.size());
    result_.consumers.resize(n);
    std::iota(root_.begin(), root_.end(), 0);
    for (int i = 0; i < n; ++i) {
      auto const& node = graph_.nodes[i];
      for (int const in : node.inputs) {
        level_[i] = std::max(level_[i], level_[in] + (mixes_shifts(node) ? 1 : 0));
        result_.consumers[in].push_back(i);
      }
      if (mixes_shifts(node)) continue;
      for (int const in : node.inputs)
        if (level_[in] == level_[i]) root_[root(i)] = root(in);
    }
    find_variances();
    number_stages();
    find_shifts(result_.shifts, false);
    find_shifts(result_.self_shifts, true);
    return std::move(result_);
  }

 private:
  int root(int i) { return root_[i] == i ? i : root_[i] = root(root_[i]); }

  void find_variances() {
    result_.needs_variance.assign(graph_.nodes.size(), 0);
    for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
      auto const& node = graph_.nodes[i];
      bool const linear = std::visit(
          [](auto const& kind) {
            using Kind = std::decay_t<decltype(kind)>;
            return std::is_same_v<Kind, ConvNode> || std::is_same_v<Kind, SumNode> ||
                   std::is_same_v<Kind, WindowNode> || std::is_same_v<Kind, DiagonalNode> ||
                   std::is_same_v<Kind, PointMapNode> || std::is_same_v<Kind, MaskNode>;
          },
          node.kind);
      if (linear && result_.needs_variance[i] == 0) continue;
      for (int const in : node.inputs) result_.needs_variance[in] = 1;
    }
  }

  void number_stages() {
    std::map<std::pair<int, int>, int> numbers;  // (level, root) in order
    for (std::size_t i = 0; i < root_.size(); ++i)
      numbers.emplace(std::pair(level_[i], root(static_cast<int>(i))), 0);
    int count = 0;
    for (auto& [key, number] : numbers) number = count++;
    result_.grids.resize(count, Grid{1, 1});
    for (std::size_t i = 0; i < root_.size(); ++i) {
      int const stage = numbers.at({level_[i], root(static_cast<int>(i))});
      result_.of_node.push_back(stage);
      Grid& grid = result_.grids[stage];
      grid.height = std::max(grid.height, graph_.nodes[i].grid.height);
      grid.width = std::max(grid.width, graph_.nodes[i].grid.width);
    }
  }

  /// From the last stage to the first. With `self`, of each point with itself: what its variances
  /// behind layers that join positions are made of.
  void find_shifts(std::vector<ShiftSet>& sets, bool self) {
    for (Grid const grid : result_.grids) sets.emplace_back(grid);
    if (!self) sets[result_.of_node[graph_.output]].add({0, 0});
    for (int stage = result_.count() - 1; stage >= 0; --stage) {
      for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
        if (result_.of_node[i] == stage) add_needs_of_node(static_cast<int>(i), sets, self);
      }
    }
  }

  void add_needs_of_node(int i, std::vector<ShiftSet>& sets, bool self) {
    auto const& node = graph_.nodes[i];
    ShiftSet need = sets[result_.of_node[i]];
    bool const weighs = std::holds_alternative<AttentionNode>(node.kind);
    bool const joins =
        weighs || (result_.needs_variance[i] != 0 &&
                   (std::holds_alternative<WindowNode>(node.kind) || reads_all_pairs(node)));
    if (self && joins) need.add({0, 0});
    if (need.empty()) return;
    for (int const in : node.inputs) {
      int const from = result_.of_node[in];
      if (from == result_.of_node[i]) continue;
      if (mixes_shifts(node)) {
        add_needs(node, need, graph_.nodes[in].grid, sets[from]);
      } else {
        need.for_each([&](Shift s) {
          if (!kernels::Rectangle(node.grid, s).empty()) sets[from].add(s);
        });
      }
    }
  }

  PositionGraph const& graph_;
  std::vector<int> level_, root_;
  Stages result_;
};

}  // namespace

bool mixes_shifts(PositionNode const& node) {
  if (auto const* conv = std::get_if<ConvNode>(&node.kind)) return !conv->box;
  return std::holds_alternative<WindowNode>(node.kind) ||
         std::holds_alternative<DiagonalNode>(node.kind) || reads_all_pairs(node);
}

bool reads_all_pairs(PositionNode const& node) {
  return std::holds_alternative<PointMapNode>(node.kind) ||
         std::holds_alternative<AttentionNode>(node.kind);
}

Stages find_stages(PositionGraph const& graph) {
  return StageFinder(graph).run();
}

}  // namespace widelimit::gram::detail
