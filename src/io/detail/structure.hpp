/// \file
/// Pieces of HDF5 files that tile files and result files share. All calls are local to the one
/// process that changes the file.
#pragma once

#include <string>
#include <vector>

#include "widelimit/io/handle.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::io::detail {

/// How a data set's elements lie in the file.
enum class Storage {
  reserved,  ///< one piece, space set aside at once and not written: others write it by position
  zeroed     ///< one piece, filled with zeros at once
};

/// Creates a data set, and the groups on the way to it; `chunk` empty: in one piece. Chunks that
/// are reserved at once and not compressed lie one after the other in the file, row by row of
/// chunks.
DatasetHandle create_array(hid_t file, std::string const& path, std::vector<Index> const& shape,
                           hid_t type, Storage storage, std::vector<Index> const& chunk = {});

/// Gives each dimension of a data set its named scale: a data set at the root holding 0, 1, …, made
/// where it is missing. Throws Error when a scale of another length has the name.
void name_dimensions(hid_t file, hid_t dataset, std::vector<Index> const& shape,
                     std::vector<std::string> const& names);

/// Opens a group, made where it is missing with those on the way.
GroupHandle open_group(hid_t file, std::string const& path);

/// Sets an attribute, replacing one of the same name.
void set_attribute(hid_t object, std::string const& name, std::string const& value);
void set_attribute(hid_t object, std::string const& name, double value);
void set_attribute(hid_t object, std::string const& name, Index value);

/// Reads an attribute; throws Hdf5Error where there is none.
std::string text_attribute(hid_t object, std::string const& name);
Index index_attribute(hid_t object, std::string const& name);

}  // namespace widelimit::io::detail
