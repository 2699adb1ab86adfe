/// \file
/// A plan of a network with positions while it is drawn up.
#pragma once

#include "widelimit/gram/position_plan.hpp"

#include "gram/detail/stages.hpp"

namespace widelimit::gram::detail {

/// The plan so far, with what more of it is made from.
struct PlanDraft {
  explicit PlanDraft(PositionGraph graph);

  PositionPlan plan;
  Stages const stages;
  int stage = -1;                 ///< at hand
  std::vector<int> plane_tensor;  ///< of each node's value, by planes; -1: none
  std::vector<int> dense_tensor;  ///< of the input of each node that reads all pairs; -1: none

  std::vector<PositionNode> const& nodes() const { return plan.graph.nodes; }
  PositionNode const& node(int i) const { return nodes()[i]; }
  bool is_of_this_stage(int i) const { return stages.of_node[i] == stage; }

  /// The next stage becomes the one at hand.
  void begin_stage();
  /// An operation of the stage at hand that makes the value of node i from that of node `in`. The
  /// reference holds until the next one.
  kernels::PlaneOp<double>& emit(kernels::PlaneOpKind kind, int i, int in);

  /// Numbers of the tensor of a task: one of all pairs of positions (dense), or of the planes of the
  /// stage's shifts. Returns which it is.
  int add_tensor(Grid grid, bool dense, bool sums, int of_stage);
  /// Where so many numbers of each point begin.
  Index add_slots(Index count);
  /// Where q/2 of a node's value lies.
  Index half_variance(int i);
  /// Where a table begins that all points share.
  Index add_integers(std::vector<int> const& values);
  Index add_numbers(std::vector<double> const& values);

 private:
  void find_margin();
  void add_plane(kernels::PairTensor& tensor, kernels::Shift shift);
};

/// Averages over so many positions that they may be much smaller than what they average.
bool is_wide(WindowNode const& window, Grid out);

}  // namespace widelimit::gram::detail
