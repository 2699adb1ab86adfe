/// \file
/// Readers of the layers that work on positions, each from the map of its keys (null: all defaults).
#pragma once

#include "widelimit/io/yaml.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::network::detail {

using Kind = decltype(Layer::kind);

template <Conv::Weights weights>
Kind read_conv(io::YamlNode const& keys);
template <Pool::Kind kind>
Kind read_pool(io::YamlNode const& keys);
template <Pool::Kind kind>
Kind read_global_pool(io::YamlNode const& keys);
Kind read_flatten(io::YamlNode const& keys);
Kind read_attention(io::YamlNode const& keys);
Kind read_aggregate(io::YamlNode const& keys);
Kind read_rnn(io::YamlNode const& keys);

}  // namespace widelimit::network::detail
