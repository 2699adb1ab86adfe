/// \file
/// Networks whose outputs are homogeneous in their weights.
#pragma once

#include "widelimit/cli/input_file.hpp"

namespace widelimit::cli {

/// k where f(s·θ) = s^k·f(θ) for all s > 0, for the weights θ of the network: weight layers without
/// biases between functions of relu kind count one each. Throws InputError, with the line of the
/// layer, for a network that is not homogeneous.
int require_homogeneous(InputFile const& input);

}  // namespace widelimit::cli
