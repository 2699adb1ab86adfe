#include "cli/homogeneous.hpp"

namespace widelimit::cli {
namespace {

[[noreturn]] void refuse(InputFile const& input, network::Layer const& layer,
                         std::string const& why) {
  throw InputError({input.path, layer.line, "network"},
                   "weight decay towards zero (job.optimizer.decay_towards) shrinks the random "
                   "weights, and with them the kernel, by a known factor only where all layers are "
                   "`dense` without biases and functions of relu kind: " +
                       why + "; use decay_towards: initial");
}

int degree(InputFile const& input, network::Sequence const& layers) {
  int sum = 0;
  for (auto const& layer : layers) {
    if (auto const* dense = std::get_if<network::Dense>(&layer.kind)) {
      if (dense->b_std != 0) refuse(input, layer, "`" + layer.name + "` has a bias");
      ++sum;
    } else if (auto const* function = std::get_if<network::Activation>(&layer.kind)) {
      if (!std::holds_alternative<network::AbRelu>(*function))
        refuse(input, layer, "`" + layer.name + "` is not of that kind");
    } else if (auto const* repeat = std::get_if<network::Repeat>(&layer.kind)) {
      sum += repeat->times * degree(input, repeat->layers);
    } else {
      refuse(input, layer, "`" + layer.name + "` is none of these");
    }
  }
  return sum;
}

}  // namespace

int require_homogeneous(InputFile const& input) {
  return degree(input, input.network);
}

}  // namespace widelimit::cli
