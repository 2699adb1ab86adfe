/// \file
/// A network compiled to a flat list of stages on registers, without data: what happens to the
/// scales of the points and to each entry of a Gram matrix.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "widelimit/gram/position_plan.hpp"
#include "widelimit/network/layers.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::gram {

struct DenseStage {
  double w_std, b_std;
};
struct DualStage {
  network::Activation function;
};
struct LayerNormStage {
  double eps;
};
struct DropoutStage {
  double keep;
};
/// Σ over branches, each kernel times its weight (sum: 1; concat: the branch's share of the
/// channels).
struct SumStage {
  std::vector<double> weights;
};
struct ProductStage {};

/// One stage: registers `sources` → register `target` (which may be one of them).
struct Stage {
  std::variant<DenseStage, DualStage, LayerNormStage, DropoutStage, SumStage, ProductStage> kind;
  std::vector<int> sources;
  int target = 0;
  std::string name;  ///< as in the input file, for reports
};

/// Register 0 holds the input, `output` the result.
struct Plan {
  std::vector<Stage> stages;
  int n_registers = 1;
  int output = 0;
  int dense_layers = 0;
  int element_wise_layers = 0;
  std::shared_ptr<PositionPlan const> positions;  ///< instead of stages, for data with positions
};

/// Compiles a validated network. Registers are reused as soon as their value is dead. Local, host
/// only.
Plan compile(network::Sequence const& network);

/// The same for data of any shape: with positions or layers that need them, to a PositionPlan.
/// \param masked  the data are sequences of unequal length
Plan compile(network::Sequence const& network, network::InputShape const& shape,
             bool masked = false);

/// Numbers that the layers keep for each point. Exact but for `numerical: {points: auto}`, whose
/// series is as long as the data need: two hundred terms are assumed.
Index coefficients_per_point(Plan const& plan);

/// Rough floating-point operations of the stages for one entry, the input product apart.
double flops_per_entry(Plan const& plan);

}  // namespace widelimit::gram
