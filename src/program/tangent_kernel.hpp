/// \file
/// The tangent kernel of a network as instructions.
#pragma once

#include "widelimit/program/differentiate.hpp"

#include "network_pass.hpp"

namespace widelimit::program::detail {

/// The gradients of output `output` at every point of a pass by all parameters, and at the
/// preactivations of its taps (behind the parameters). Columns keep points apart.
std::vector<Gradient> output_gradients(Builder& builder, Block const& forward, Pass const& pass,
                                       Index output, std::vector<Parameter> const& parameters);

/// Σ over parameters of multiplier·rate·(products of gradients): points_g x points_h. `none` where
/// no parameter moves.
Id tangent_kernel(Builder& builder, std::vector<Parameter> const& parameters,
                  std::vector<Gradient> const& g, std::vector<Gradient> const& h, Index points_g,
                  Index points_h, bool count_multipliers = true);

}  // namespace widelimit::program::detail
