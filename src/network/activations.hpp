/// \file
/// The element-wise functions of the input language: name, keys, and how each is read.
#pragma once

#include <optional>
#include <span>
#include <string>
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

std::vector<std::string_view> activation_names();

/// The function of this name, read from the map of its keys (null: all defaults); nothing where
/// there is none.
std::optional<Activation> find_activation(std::string const& name, io::YamlNode const& keys);

/// The same; throws InputError at `place` where there is none.
Activation read_activation(std::string const& name, io::YamlNode const& place,
                           io::YamlNode const& keys);

}  // namespace widelimit::network::detail
