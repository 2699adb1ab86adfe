/// \file
/// Which layers fit together.
#pragma once

#include <string>

#include "widelimit/network/layers.hpp"

namespace widelimit::network {

/// Refuses networks that have no kernel limit of the form computed here:
/// - element-wise functions and `layer_norm` need a Gaussian input; `hermite` one of unit variance,
///   straight after `layer_norm`;
/// - the branches of `sum` and `residual` must be Gaussian, and of the branches of `sum`,
///   `residual` and `product` at most one may reach back to the common input without a weight
///   layer, as the others would not be independent of it;
/// - `dropout`, and a branch of `product` or `concat`, must not pass on the raw input, whose width
///   is the data's;
/// - an embedding of positions with channels of its own joins the raw input only;
/// - there is at least one weight layer.
/// Whether positions and widths fit is for `infer_shapes` to say, which knows the data's shape.
/// Whether `gaussian` has a finite variance depends on the data and is not checked here.
/// \param file  named in errors, before the line of the layer at fault
/// Local, no cost. Throws InputError naming both layers.
void validate(Sequence const& network, std::string const& file);

}  // namespace widelimit::network
