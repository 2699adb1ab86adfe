#include "widelimit/io/describe.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "widelimit/io/file.hpp"

#include "io/detail/open_array.hpp"
#include "io/detail/structure.hpp"
#include "io/detail/tile_layout.hpp"

namespace widelimit::io {
namespace {

/// Attributes that HDF5 keeps for dimension scales, and the input, which is printed last.
bool is_shown(std::string const& name) {
  static std::vector<std::string> const hidden{
      "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS", "input"};
  return std::find(hidden.begin(), hidden.end(), name) == hidden.end();
}

std::string value_text(hid_t attribute) {
  SpaceHandle const space(WIDELIMIT_H5(H5Aget_space(attribute)));
  TypeHandle const type(WIDELIMIT_H5(H5Aget_type(attribute)));
  bool const scalar = H5Sget_simple_extent_npoints(space.get()) == 1;
  if (scalar && H5Tget_class(type.get()) == H5T_INTEGER) {
    Index value = 0;
    WIDELIMIT_H5(H5Aread(attribute, H5T_NATIVE_INT64, &value));
    return std::to_string(value);
  }
  if (scalar && H5Tget_class(type.get()) == H5T_FLOAT) {
    double value = 0;
    WIDELIMIT_H5(H5Aread(attribute, H5T_NATIVE_DOUBLE, &value));
    return fmt::format("{:g}", value);
  }
  if (scalar && H5Tis_variable_str(type.get()) > 0) {
    char* text = nullptr;
    WIDELIMIT_H5(H5Aread(attribute, type.get(), static_cast<void*>(&text)));
    std::string value = text == nullptr ? "" : text;
    H5free_memory(text);
    return value;
  }
  return "(" + type_name(type.get()) + ")";
}

extern "C" herr_t collect_attribute(hid_t, char const* name, H5A_info_t const*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

extern "C" herr_t collect_object(hid_t, char const* name, H5O_info_t const*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

std::vector<std::string> attribute_names(hid_t object) {
  std::vector<std::string> names;
  WIDELIMIT_H5(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_attribute, &names));
  return names;
}

std::string attributes_text(hid_t object, std::string const& indent) {
  std::string text;
  for (std::string const& name : attribute_names(object)) {
    if (!is_shown(name)) continue;
    AttributeHandle const attribute(WIDELIMIT_H5(H5Aopen(object, name.c_str(), H5P_DEFAULT)));
    text += indent + name + " = " + value_text(attribute.get()) + "\n";
  }
  return text;
}

std::string dataset_text(hid_t dataset) {
  TypeHandle const type(WIDELIMIT_H5(H5Dget_type(dataset)));
  std::vector<Index> const shape = shape_of(dataset);
  std::string text = shape.empty() ? "scalar" : detail::shape_text(shape);
  text += " " + type_name(type.get());
  if (shape.empty() && H5Tget_class(type.get()) == H5T_FLOAT) {
    double value = 0;
    WIDELIMIT_H5(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value));
    text += fmt::format(" = {:g}", value);
  }
  return text;
}

/// Of the matrix that a group of /checkpoint belongs to: "120 of 1770 tiles finished".
std::string progress_text(hid_t file, std::string const& group) {
  DatasetHandle const flags(
      WIDELIMIT_H5(H5Dopen2(file, (group + "/finished").c_str(), H5P_DEFAULT)));
  std::vector<unsigned char> finished(static_cast<std::size_t>(shape_of(flags.get()).at(0)));
  WIDELIMIT_H5(
      H5Dread(flags.get(), H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, finished.data()));
  return fmt::format("{} of {} tiles finished",
                     std::accumulate(finished.begin(), finished.end(), Index{0}), finished.size());
}

std::string object_text(hid_t file, std::string const& path) {
  ObjectHandle const object(WIDELIMIT_H5(H5Oopen(file, path.c_str(), H5P_DEFAULT)));
  std::string line = "  " + path;
  if (H5Iget_type(object.get()) == H5I_DATASET) {
    line += "  " + dataset_text(object.get());
    std::string const group = detail::checkpoint_group(path);
    if (exists(file, group)) line += ", " + progress_text(file, group);
  } else {
    line += "/";
  }
  return line + "\n" + attributes_text(object.get(), "      ");
}

}  // namespace

std::string describe(std::string const& name) {
  FileHandle const file = open_to_read(name);
  GroupHandle const root = detail::open_group(file.get(), "/");
  bool const partial = exists(file.get(), "/checkpoint");
  std::string text = name + (partial ? ": unfinished, run again with --resume\n" : "\n");
  text += attributes_text(root.get(), "  ");
  std::vector<std::string> paths;
  WIDELIMIT_H5(
      H5Ovisit2(root.get(), H5_INDEX_NAME, H5_ITER_INC, collect_object, &paths, H5O_INFO_BASIC));
  for (std::string const& path : paths) {
    bool const internal = path == "." || path.rfind("checkpoint/", 0) == 0;
    if (!internal) text += object_text(file.get(), "/" + path);
  }
  GroupHandle const holder = detail::open_group(file.get(), partial ? "/checkpoint" : "/");
  if (H5Aexists(holder.get(), "input") > 0) {
    AttributeHandle const input(WIDELIMIT_H5(H5Aopen(holder.get(), "input", H5P_DEFAULT)));
    text += "input:\n" + value_text(input.get());
  }
  if (text.back() != '\n') text += "\n";
  return text;
}

}  // namespace widelimit::io
