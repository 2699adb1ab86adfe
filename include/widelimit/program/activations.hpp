/// \file
/// The element-wise functions of networks as expressions.
#pragma once

#include "widelimit/network/layers.hpp"
#include "widelimit/program/expression.hpp"

namespace widelimit::program {

/// φ of argument 0. Throws InputError for `exp_normalized`, which exists as a kernel alone.
Expression expression_of(network::Activation const& activation);

}  // namespace widelimit::program
