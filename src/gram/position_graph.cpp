#include "widelimit/gram/position_graph.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gram/detail/axis_windows.hpp"

namespace widelimit::gram {
namespace {

using network::Layer;
using network::Padding;
using network::Sequence;

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

bool has_positional_layer(Sequence const& layers);

bool is_positional(Layer const& layer) {
  return std::visit(
      Overloaded{
          [](network::Conv const&) { return true; }, [](network::Pool const&) { return true; },
          [](network::GlobalPool const&) { return true; },
          [](network::Flatten const&) { return true; },
          [](network::Attention const&) { return true; },
          [](network::Aggregate const&) { return true; }, [](network::Rnn const&) { return true; },
          [](auto const& kind) {
            if constexpr (requires { kind.branches; }) {
              return std::any_of(kind.branches.begin(), kind.branches.end(),
                                 [](Sequence const& b) { return has_positional_layer(b); });
            } else if constexpr (requires { kind.layers; }) {
              return has_positional_layer(kind.layers);
            } else {
              return false;
            }
          }},
      layer.kind);
}

bool has_positional_layer(Sequence const& layers) {
  return std::any_of(layers.begin(), layers.end(), is_positional);
}

class Builder {
 public:
  Builder(network::InputShape const& shape, bool masked) : axes_(shape.positions.size()) {
    graph_.channels = shape.channels;
    graph_.masked = masked;
    graph_.nodes.push_back({InputNode{}, {}, grid_of(shape.positions), 1, "input", 0});
  }

  PositionGraph run(Sequence const& network) {
    graph_.output = sequence(network, 0);
    return std::move(graph_);
  }

 private:
  int sequence(Sequence const& layers, int in) {
    for (Layer const& layer : layers) {
      int const line = line_;
      std::string const name = name_;
      line_ = layer.line;
      name_ = layer.name;
      in = std::visit([&](auto const& kind) { return apply(kind, in); }, layer.kind);
      line_ = line;
      name_ = name;
    }
    return in;
  }

  template <class Kind>
  int add(Kind kind, std::vector<int> inputs, Grid grid, double width) {
    graph_.nodes.push_back({std::move(kind), std::move(inputs), grid, width, name_, line_});
    return static_cast<int>(graph_.nodes.size()) - 1;
  }
  /// What must be zero beyond the end of a sequence.
  template <class Kind>
  int add_masked(Kind kind, int in, Grid grid, double width, MaskNode const& mask = {}) {
    int const made = add(std::move(kind), {in}, grid, width);
    return graph_.masked && grid.count() > 1 ? add(mask, {made}, grid, width) : made;
  }

  PositionNode const& node(int index) const { return graph_.nodes[index]; }

  int apply(network::Dense const& dense, int in) {
    Grid const grid = node(in).grid;
    ConvNode conv{dense.w_std * dense.w_std, dense.b_std * dense.b_std};
    conv.taps.resize(grid.count());
    std::iota(conv.taps.begin(), conv.taps.end(), 0);
    conv.box = true;
    return add_masked(std::move(conv), in, grid, 1);
  }

  int apply(network::Conv const& layer, int in) {
    Grid const grid = node(in).grid;
    using Weights = network::Conv::Weights;
    auto const along = [&](std::size_t axis, int n) {
      int const k = of(layer.filter, axis), s = of(layer.strides, axis);
      return layer.weights == Weights::transposed ? detail::transposed_reads(n, k, s, layer.padding)
                                                  : detail::window_reads(n, k, s, layer.padding);
    };
    auto const rows = axes_ == 1 ? detail::Reads{{0}} : along(0, grid.height);
    auto const cols = along(axes_ - 1, grid.width);
    Grid const out{static_cast<int>(rows.size()), static_cast<int>(cols.size())};
    ConvNode conv{layer.w_std * layer.w_std, layer.b_std * layer.b_std};
    conv.local = layer.weights == Weights::local;
    int const kh = static_cast<int>(rows[0].size());
    int const kw = static_cast<int>(cols[0].size());
    conv.n_taps = kh * kw;
    for (auto const& row : rows) {
      for (auto const& col : cols) {
        for (int const y : row) {
          for (int const x : col) conv.taps.push_back(y < 0 || x < 0 ? -1 : y * grid.width + x);
        }
      }
    }
    bool const plain = layer.weights == Weights::shared && layer.padding != Padding::circular;
    bool const unit = of(layer.strides, 0) == 1 && of(layer.strides, axes_ - 1) == 1;
    if (plain && unit) {
      conv.box = true;
      conv.filter = {kh, kw, {}};
      if (layer.padding == Padding::same) {
        int const top = (kh - 1) / 2, left = (kw - 1) / 2;
        conv.filter.margin = {top, kh - 1 - top, left, kw - 1 - left};
      }
    }
    return add_masked(std::move(conv), in, out, 1,
                      {of(layer.filter, axes_ - 1), of(layer.strides, axes_ - 1), layer.padding,
                       layer.weights == Weights::transposed});
  }

  int apply(network::Pool const& layer, int in) {
    Grid const grid = node(in).grid;
    auto const along = [&](std::size_t axis, int n) {
      return detail::window_reads(n, of(layer.window, axis), of(layer.strides, axis),
                                  layer.padding);
    };
    auto const rows = axes_ == 1 ? detail::Reads{{0}} : along(0, grid.height);
    auto const cols = along(axes_ - 1, grid.width);
    Grid const out{static_cast<int>(rows.size()), static_cast<int>(cols.size())};
    bool const own = layer.kind == network::Pool::Kind::average && layer.normalize_edges &&
                     layer.padding == Padding::same;
    auto const weight = [&](std::vector<int> const& taps) {
      if (layer.kind == network::Pool::Kind::sum) return 1.0;
      auto const inside = std::count_if(taps.begin(), taps.end(), [](int p) { return p >= 0; });
      return 1.0 / static_cast<double>(own ? inside : static_cast<long>(taps.size()));
    };
    std::vector<std::vector<std::pair<int, double>>> of_position(grid.count());
    for (int oy = 0; oy < out.height; ++oy) {
      for (int ox = 0; ox < out.width; ++ox) {
        double const w = weight(rows[oy]) * weight(cols[ox]);
        for (int const y : rows[oy]) {
          for (int const x : cols[ox]) {
            if (y >= 0 && x >= 0)
              of_position[y * grid.width + x].push_back({oy * out.width + ox, w});
          }
        }
      }
    }
    MaskNode const mask{of(layer.window, axes_ - 1), of(layer.strides, axes_ - 1), layer.padding,
                        false};
    auto window = window_node(of_position);
    if (own && graph_.masked)
      return add_masked(PointMapNode{PointMapNode::Source::windows, {}, std::move(window)}, in, out,
                        node(in).width, mask);
    return add_masked(std::move(window), in, out, node(in).width, mask);
  }

  static WindowNode window_node(std::vector<std::vector<std::pair<int, double>>> const& lists) {
    WindowNode result;
    result.begin.push_back(0);
    for (auto const& list : lists) {
      for (auto const& [window, weight] : list) {
        result.windows.push_back(window);
        result.weights.push_back(weight);
      }
      result.begin.push_back(static_cast<int>(result.windows.size()));
    }
    return result;
  }

  int apply(network::GlobalPool const& layer, int in) {
    int const positions = node(in).grid.count();
    bool const average = layer.kind == network::Pool::Kind::average;
    if (average && graph_.masked)
      return add(PointMapNode{PointMapNode::Source::mean}, {in}, {1, 1}, node(in).width);
    double const weight = average ? 1.0 / positions : 1.0;
    std::vector<std::vector<std::pair<int, double>>> const lists(positions, {{0, weight}});
    return add(window_node(lists), {in}, {1, 1}, node(in).width);
  }

  int apply(network::Flatten const&, int in) {
    int const positions = node(in).grid.count();
    if (positions == 1) return in;
    return add(DiagonalNode{std::vector<double>(positions, 1.0 / positions)}, {in}, {1, 1},
               node(in).width * positions);
  }

  int apply(network::Activation const& function, int in) {
    return add(DualNode{function}, {in}, node(in).grid, node(in).width);
  }
  int apply(network::LayerNorm const& norm, int in) {
    return add(NormNode{norm.axes == network::LayerNorm::Axes::all, norm.eps}, {in}, node(in).grid,
               node(in).width);
  }
  int apply(network::Dropout const& dropout, int in) {
    if (dropout.mode == network::Dropout::Mode::test) return in;
    return add(DropoutNode{dropout.rate}, {in}, node(in).grid, node(in).width);
  }
  int apply(network::Repeat const& repeat, int in) {
    for (int i = 0; i < repeat.times; ++i) in = sequence(repeat.layers, in);
    return in;
  }
  int apply(network::Residual const& residual, int in) {
    return join({in, sequence(residual.layers, in)}, Join::sum);
  }
  int apply(network::Sum const& sum, int in) { return join(ends(sum.branches, in), Join::sum); }
  int apply(network::Product const& product, int in) {
    return join(ends(product.branches, in), Join::product);
  }
  int apply(network::Concat const& concat, int in) {
    return join(ends(concat.branches, in), Join::concat);
  }

  std::vector<int> ends(std::vector<Sequence> const& branches, int in) {
    std::vector<int> result;
    for (Sequence const& branch : branches) result.push_back(sequence(branch, in));
    return result;
  }

  enum class Join { sum, product, concat };

  int join(std::vector<int> const& inputs, Join how) {
    Grid const grid = node(inputs[0]).grid;
    double total = 0;
    for (int const in : inputs) total += node(in).width;
    if (how == Join::product) return add(ProductNode{}, inputs, grid, node(inputs[0]).width);
    std::vector<double> weights;
    for (int const in : inputs) weights.push_back(how == Join::sum ? 1.0 : node(in).width / total);
    return add(SumNode{std::move(weights)}, inputs, grid,
               how == Join::sum ? node(inputs.back()).width : total);
  }

  int apply(network::Attention const& layer, int in) {
    Grid const grid = node(in).grid;
    AttentionNode attention{layer};
    double const w2 = layer.w_pos_emb_std * layer.w_pos_emb_std;
    if (layer.embedding == network::Attention::Embedding::sum) {
      attention.beta = w2;
    } else if (layer.embedding == network::Attention::Embedding::concat) {
      // Given on the raw input alone, whose channels are the data's.
      double const channels =
          layer.n_chan_pos_emb ? static_cast<double>(graph_.channels) * node(in).width : 1;
      double const embedded = layer.n_chan_pos_emb.value_or(1);
      attention.alpha = channels / (channels + embedded);
      attention.beta = w2 * embedded / (channels + embedded);
    }
    if (attention.beta != 0) attention.correlation = correlations(layer, grid);
    return add_masked(std::move(attention), in, grid, 1);
  }

  static std::vector<double> correlations(network::Attention const& layer, Grid grid) {
    int const n = grid.count();
    std::vector<double> result(static_cast<std::size_t>(n) * n, 0.0);
    for (int p = 0; p < n; ++p) {
      for (int q = 0; q < n; ++q) {
        double value = p == q ? 1.0 : 0.0;
        if (layer.decay && p != q) {
          double const norm = layer.decay->p_norm;
          double const dy = std::abs(p / grid.width - q / grid.width);
          double const dx = std::abs(p % grid.width - q % grid.width);
          double const distance =
              std::pow(std::pow(dy, norm) + std::pow(dx, norm), 1 / norm) / layer.decay->length;
          value = std::exp(-distance * distance);
        }
        result[static_cast<std::size_t>(p) * n + q] = value;
      }
    }
    return result;
  }

  int apply(network::Aggregate const& layer, int in) {
    return add_masked(PointMapNode{PointMapNode::Source::pattern, layer.pattern}, in, node(in).grid,
                      node(in).width);
  }

  int apply(network::Rnn const& rnn, int in) {
    Grid const grid = node(in).grid;
    int const sequence = add(RnnNode{rnn.activation, rnn.w_std * rnn.w_std, rnn.u_std * rnn.u_std,
                                     rnn.b_std * rnn.b_std},
                             {in}, grid, 1);
    if (rnn.returns == network::Rnn::Return::sequence) return sequence;
    if (graph_.masked) return add(PointMapNode{PointMapNode::Source::last}, {sequence}, {1, 1}, 1);
    std::vector<double> weights(grid.count(), 0.0);
    weights.back() = 1;
    return add(DiagonalNode{std::move(weights)}, {sequence}, {1, 1}, 1);
  }

  static int of(network::PerAxis const& numbers, std::size_t axis) {
    return static_cast<int>(network::of_axis(numbers, axis));
  }

  PositionGraph graph_;
  std::size_t axes_;  ///< of the data's positions
  int line_ = 0;
  std::string name_;
};

}  // namespace

bool needs_positions(Sequence const& network, network::InputShape const& shape) {
  return !shape.positions.empty() || has_positional_layer(network);
}

PositionGraph position_graph(Sequence const& network, network::InputShape const& shape,
                             bool masked) {
  return Builder(shape, masked).run(network);
}

}  // namespace widelimit::gram
