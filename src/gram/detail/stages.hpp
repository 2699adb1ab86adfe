/// \file
/// Cuts a graph into stages and finds the shifts that each needs.
#pragma once

#include "widelimit/gram/position_graph.hpp"

#include "gram/detail/shift_set.hpp"

namespace widelimit::gram::detail {

struct Stages {
  std::vector<int> of_node;
  std::vector<Grid> grids;  ///< the largest in each
  std::vector<ShiftSet> shifts, self_shifts;
  std::vector<std::vector<int>> consumers;  ///< of each node
  /// Whether anything nonlinear follows a node. Linear layers alone work for any q in D = (q+q')/2
  /// - K.
  std::vector<char> needs_variance;

  int count() const { return static_cast<int>(grids.size()); }
};

/// Whether a node's planes are not made of planes of the same shift.
bool mixes_shifts(PositionNode const& node);

/// Whether a node reads all pairs of positions of its input.
bool reads_all_pairs(PositionNode const& node);

Stages find_stages(PositionGraph const& graph);

}  // namespace widelimit::gram::detail
