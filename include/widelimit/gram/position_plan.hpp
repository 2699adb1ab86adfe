/// \file
/// A network with positions compiled to stages: which planes are made from what, of which shifts,
/// and where the numbers of each point lie.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "widelimit/gram/position_graph.hpp"
#include "widelimit/kernels/positional/plane_program.hpp"

namespace widelimit::gram {

/// An operation with the nodes of the graph that it computes.
struct PlannedOp {
  kernels::PlaneOp<double> op;  ///< all but duals and lengths of series, which depend on the data
  int node = 0;                 ///< the node whose value it makes (the later one of a fused pair)
  int conv = -1;                ///< conv_relu: the convolution's node
};

struct PlannedStage {
  std::vector<PlannedOp> ops;
  std::vector<kernels::SandwichOp> sandwiches;
  std::vector<int> sandwich_nodes;     ///< the node of each
  std::vector<kernels::Shift> shifts;  ///< planes that the result needs
  std::vector<kernels::Shift>
      self_shifts;  ///< planes of each point with itself that variances need
  Grid grid;        ///< of its largest planes
};

/// Where the numbers of a node's point lie. What a slot means is said where it is used, in
/// kernels/positional; -1: not needed.
struct NodeSlots {
  Index first = -1;
  Index half_variance = -1;  ///< q/2 at each position of the node's value
};

/// Slots of a function: r, 1/r, r of the output, then its coefficients. A recurrence has two before.
struct PositionPlan {
  PositionGraph graph;
  std::vector<PlannedStage> stages;
  std::vector<kernels::PairTensor> tensors;
  std::vector<std::int32_t> integers;
  std::vector<double> numbers;
  std::vector<NodeSlots> slots;  ///< of each node; functions with a series get theirs when bound
  std::vector<int> sum_tensor;   ///< of each node: the tensor that sums over its input, or -1
  Index n_slots = 0;
  int n_planes = 0;
  kernels::Margin margin;
  Index plane_cells = 0, tensor_cells = 0, sum_cells = 0;
  int output_tensor = -1;
  bool self_planes = false;  ///< whether variances need planes of points with themselves

  /// Memory of one task.
  double task_bytes() const;
  /// Bytes of one point's numbers.
  double point_bytes(int real_bytes) const { return static_cast<double>(n_slots) * real_bytes; }
};

/// Compiles a graph. Local. Finding the shifts costs O(P² w²) for P positions and pools of w.
std::shared_ptr<PositionPlan const> position_plan(PositionGraph graph);

/// Rough floating-point operations for one entry.
double flops_per_entry(PositionPlan const& plan);

/// A line for each stage: its planes, its layers, and what it costs an entry.
std::string describe(PositionPlan const& plan, int real_bytes);

}  // namespace widelimit::gram
