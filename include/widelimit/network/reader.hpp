/// \file
/// Reads the list of layers of an input file.
#pragma once

#include <string_view>
#include <vector>

#include "widelimit/io/yaml.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::network {

/// The layers of a YAML list, each a bare word or a one-key map, with the defaults of the language.
/// Whether they fit together is for `validate` to say. Local. Throws InputError: unknown layers
/// (with the nearest known name), unknown keys, wrong values.
Sequence read_network(io::YamlNode const& list);

/// The names of the layers that can be read, element-wise functions first.
std::vector<std::string_view> layer_names();

}  // namespace widelimit::network
