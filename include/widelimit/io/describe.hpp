/// \file
/// What a file holds, for people.
#pragma once

#include <string>

namespace widelimit::io {

/// Several lines: the attributes of the root, the tree of groups and data sets with shapes, types
/// and attributes, finished tiles of a partial file, and the input text. For any HDF5 file. Local.
/// Throws InputError: no such file, not HDF5, cut short.
std::string describe(std::string const& file);

}  // namespace widelimit::io
