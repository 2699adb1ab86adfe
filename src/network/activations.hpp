/// \file
/// The element-wise functions of the input language: name, keys, and how each is read.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "widelimit/io/yaml.hpp"
#include "widelimit/network/layers.hpp"

namespace widelimit::network::detail {

struct ActivationEntry {
  std::string_view name;
  std::vector<std::string_view> keys;
  Activation (*read)(io::YamlNode const&);  ///< from the map of its keys (null: all defaults)
};

/// The table of all element-wise functions: a new one is a line here (and a struct in layers.hpp).
std::span<ActivationEntry const> activations();

}  // namespace widelimit::network::detail
