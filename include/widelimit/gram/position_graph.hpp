/// \file
/// A network on data with positions as a graph of what happens to kernels: nodes with shapes, and
/// for layers that move or join positions, tables of which.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "widelimit/kernels/positional/box_filter.hpp"
#include "widelimit/network/layers.hpp"
#include "widelimit/network/shapes.hpp"

namespace widelimit::gram {

using kernels::Grid;

/// The grid of the positions of data: sequences are one row of them, vectors have one.
inline Grid grid_of(network::Positions const& positions) {
  Grid grid;
  if (!positions.empty()) grid.width = static_cast<int>(positions.back());
  if (positions.size() > 1) grid.height = static_cast<int>(positions.front());
  return grid;
}

struct InputNode {};
/// K' = w²·(mean over taps of K) + b²; Θ gains K'. `taps` holds, for each position of the output,
/// `n_taps` positions of the input, -1 beyond the grid.
struct ConvNode {
  double w2 = 1, b2 = 0;
  bool local = false;
  int n_taps = 1;
  std::vector<int> taps = {};
  bool box = false;  ///< stride 1, zeros beyond the grid: `filter` says it all
  kernels::BoxFilter filter = {};
};
struct DualNode {
  network::Activation function;
};
struct NormNode {
  bool all_axes = false;
  double eps = 0;
};
struct DropoutNode {
  double keep = 1;
};
struct SumNode {
  std::vector<double> weights;
};
struct ProductNode {};
/// y(P) = Σ weight·x(p): for each position of the input the windows it lies in.
struct WindowNode {
  std::vector<int> begin, windows;  ///< windows of p: begin[p] … begin[p+1]
  std::vector<double> weights;
};
/// The same with weights of each point's own.
struct PointMapNode {
  enum class Source {
    pattern,  ///< adjacency
    last,     ///< the last position
    mean,     ///< all positions
    windows   ///< means over windows, as many as lie in the sequence
  };
  Source source = Source::pattern;
  std::string pattern = {};
  WindowNode window = {};
};
struct AttentionNode {
  network::Attention layer;
  double alpha = 1, beta = 0;            ///< K̃ = αK + βR
  std::vector<double> correlation = {};  ///< R, P x P; empty if β is 0
};
/// Equal positions alone: K' = Σ weight(p)·K(p, p).
struct DiagonalNode {
  std::vector<double> weights;
};
struct RnnNode {
  network::Activation function;
  double w2 = 1, u2 = 1, b2 = 0;
};
/// Zeros beyond the end of sequences, whose lengths change as those of a sequence of their own would.
struct MaskNode {
  int window = 1, stride = 1;
  network::Padding padding = network::Padding::same;
  bool transposed = false;

  int length(int before) const {
    bool const valid = padding == network::Padding::valid;
    if (transposed) return before * stride + (valid && window > stride ? window - stride : 0);
    if (valid) return before < window ? 0 : (before - window) / stride + 1;
    return (before + stride - 1) / stride;
  }
};

struct PositionNode {
  std::variant<InputNode, ConvNode, DualNode, NormNode, DropoutNode, SumNode, ProductNode,
               WindowNode, PointMapNode, AttentionNode, DiagonalNode, RnnNode, MaskNode>
      kind;
  std::vector<int> inputs;
  Grid grid;         ///< of the output
  double width = 1;  ///< channels in units of a weight layer's
  std::string name;  ///< as in the input file
  int line = 0;
};

/// Nodes in an order in which each follows its inputs; node 0 is the input.
struct PositionGraph {
  std::vector<PositionNode> nodes;
  int output = 0;
  Index channels = 1;   ///< of the data
  bool masked = false;  ///< sequences of unequal length
};

/// Whether a network must be computed by positions: it has such layers, or its data do.
bool needs_positions(network::Sequence const& network, network::InputShape const& shape);

/// The graph of a network that fits the data (see network::infer_shapes). Local.
/// \param masked  the data are sequences of unequal length
PositionGraph position_graph(network::Sequence const& network, network::InputShape const& shape,
                             bool masked);

}  // namespace widelimit::gram
