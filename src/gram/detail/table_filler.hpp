/// \file
/// The numbers of a pack of points: variances through all layers, and what the layers make of them.
#pragma once

#include "widelimit/gram/bound_positions.hpp"
#include "widelimit/gram/points.hpp"

namespace widelimit::gram::detail {

template <class Real>
class TableFiller {
 public:
  static constexpr int lanes = kernels::pack_lanes<Real>;

  /// See BoundPositions::fill_tables. Operations and their functions come one after the other, as
  /// far as they are bound.
  TableFiller(PositionPlan const& plan, std::vector<PlannedStage> const& stages,
              std::vector<std::vector<BoundFunction<Real>>> const& functions,
              Points<Real> const& points, std::vector<Index> const& numbers, Real* table);

  /// The operations of a stage from `begin` to `end`.
  /// \param tensors  memory of the tensors of the points with themselves
  void fill(int stage, int begin, int end, Real const* tensors);

  /// √q of what the operation, an element-wise function, reads.
  std::vector<double> scales_before(int stage, int op) const;

 private:
  using Numbers = std::vector<double>;  ///< positions x lanes

  void fill(PlannedOp const& planned, BoundFunction<Real> const& function, Real const* tensors);
  void input(PlannedOp const& planned);
  void conv(int node);
  void relu(PlannedOp const& planned);
  void element_wise(PlannedOp const& planned, BoundFunction<Real> const& function);
  void recurrence(PlannedOp const& planned, RnnNode const& rnn,
                  BoundFunction<Real> const& function);
  void apply(BoundFunction<Real> const& function, Index slot, Index positions, Index first,
             Numbers const& q, Numbers& out, int node);
  void norm(PlannedOp const& planned, NormNode const& norm);
  void dropout(PlannedOp const& planned, DropoutNode const& dropout);
  void sum(int node, SumNode const& sum);
  void product(int node);
  void mask(PlannedOp const& planned);
  void window(PlannedOp const& planned, WindowNode const& window, Real const* tensors);
  void point_map(PlannedOp const& planned, Real const* tensors);
  void diagonal(int node, DiagonalNode const& diagonal);
  void square_root_attention(PlannedOp const& planned, AttentionNode const& attention,
                             Real const* tensors);
  Numbers weights_of(int node, Real const* d) const;
  Real const* adjacency(PointMapNode const& map, Index point, Index positions) const;

  void put_inside(Index slot, int node);
  std::vector<int> lengths_of(int i) const;
  void put(Index slot, Numbers const& values, double factor = 1);
  PositionNode const& node(int i) const { return plan_.graph.nodes[i]; }
  int input_of(int i) const { return node(i).inputs[0]; }
  Index positions(int i) const { return node(i).grid.count(); }

  PositionPlan const& plan_;
  std::vector<PlannedStage> const& stages_;
  std::vector<std::vector<BoundFunction<Real>>> const& functions_;
  Points<Real> const& points_;
  std::vector<Index> numbers_;  ///< of the points, one a lane
  Real* table_;
  std::vector<Numbers> q_;                 ///< of each node
  std::vector<std::vector<int>> lengths_;  ///< of each node: positions of each lane
};

}  // namespace widelimit::gram::detail
