/// \file
/// Prints and counts the layers of a network.
#pragma once

#include <string>

#include "widelimit/network/layers.hpp"
#include "widelimit/network/shapes.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::network {

/// One line for each layer, with all its parameters, the layers inside another one indented below
/// it. Each line starts with `indent` blanks and ends with a newline.
std::string describe(Sequence const& layers, int indent = 0);

/// The same for data with these positions, with the positions that a layer leaves where it changes
/// them (inside a `repeat`: the first time). `infer_shapes` has accepted both.
std::string describe(Sequence const& layers, Positions const& positions, int indent = 0);

/// Weight layers (`dense`, convolutions, attention, `rnn`), those of a `repeat` counted each time.
Index count_weight_layers(Sequence const& layers);

/// Element-wise functions, that of an `rnn` included, those of a `repeat` counted each time.
Index count_activations(Sequence const& layers);

}  // namespace widelimit::network
