/// \file
/// The nearest of some names, for error texts.
#pragma once

#include <string>
#include <vector>

namespace widelimit::io::detail {

/// The name with the fewest insertions, deletions and replacements away from `name`; empty when
/// none is near (more than half of the letters differ).
std::string nearest_name(std::string const& name, std::vector<std::string> const& names);

/// "a, b, c and 4 more".
std::string list_names(std::vector<std::string> const& names, std::size_t most);

}  // namespace widelimit::io::detail
