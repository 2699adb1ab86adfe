/// \file
/// Opening HDF5 files, with errors a user understands.
#pragma once

#include <string>
#include <vector>

#include "widelimit/io/handle.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

/// Opens a file to read. Local. `where` is the place in the user's input that named the file.
/// Throws InputError: no such file, no right to read it, not HDF5, cut short.
FileHandle open_to_read(std::string const& name, Location const& where = {});

/// Opens a file to change it. Local: one process at a time. Throws as open_to_read.
FileHandle open_to_change(std::string const& name);

/// A new or emptied file. Local: one process creates it. Data sets above 1 MiB start at multiples
/// of 1 MiB, which is what parallel file systems like. Throws InputError: no such folder, no right.
FileHandle create_file(std::string const& name);

/// Paths of all data sets below `group`, sorted. Local.
std::vector<std::string> dataset_paths(hid_t group);

/// Whether `path` ("/a/b/c") leads to an object of `file`. Local.
bool exists(hid_t file, std::string const& path);

/// Lengths of each dimension of a data set; empty for a scalar. Local.
std::vector<Index> shape_of(hid_t dataset);

/// "float32", "int64", "string", … of a data set or attribute type. Local.
std::string type_name(hid_t type);

}  // namespace widelimit::io
