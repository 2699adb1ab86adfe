/// \file
/// Updates of parameters.
#pragma once

#include <vector>

#include "widelimit/program/differentiate.hpp"
#include "widelimit/program/training.hpp"

#include "network_pass.hpp"

namespace widelimit::program::detail {

/// Appends one step of the optimizer for all parameters; momenta become initial values.
/// \param gradients      of the parameters, in their order
/// \param learning_rate  1 x 1
/// \param norm_factor    the gradient of weights has the squared norm norm_factor·Σ rate·(squared
///                       norm of the program's gradient)
void append_updates(Builder& builder, Optimizer const& optimizer,
                    std::vector<Parameter> const& parameters,
                    std::vector<Gradient> const& gradients, Id learning_rate, double norm_factor);

/// min(1, clip/(√squared_norm + 1e-6)).
Id clip_factor(Builder& builder, double clip, Id squared_norm);

}  // namespace widelimit::program::detail
