/// \file
/// How errors name a layer.
#pragma once

#include <string>

#include "widelimit/network/layers.hpp"

namespace widelimit::network::detail {

inline std::string quoted(Layer const& layer) {
  return "`" + layer.name + "`" +
         (layer.line > 0 ? " (line " + std::to_string(layer.line) + ")" : "");
}

}  // namespace widelimit::network::detail
