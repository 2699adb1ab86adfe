#include "io/detail/structure.hpp"

#include <numeric>

#include <hdf5_hl.h>

#include "widelimit/io/file.hpp"

#include "io/detail/native_type.hpp"

namespace widelimit::io::detail {
namespace {

PropertyHandle make_groups_on_the_way() {
  PropertyHandle links(WIDELIMIT_H5(H5Pcreate(H5P_LINK_CREATE)));
  WIDELIMIT_H5(H5Pset_create_intermediate_group(links.get(), 1));
  return links;
}

SpaceHandle space_of(std::vector<Index> const& shape) {
  if (shape.empty()) return SpaceHandle(WIDELIMIT_H5(H5Screate(H5S_SCALAR)));
  std::vector<hsize_t> const lengths(shape.begin(), shape.end());
  return SpaceHandle(
      WIDELIMIT_H5(H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr)));
}

TypeHandle text_type() {
  TypeHandle type(WIDELIMIT_H5(H5Tcopy(H5T_C_S1)));
  WIDELIMIT_H5(H5Tset_size(type.get(), H5T_VARIABLE));
  WIDELIMIT_H5(H5Tset_cset(type.get(), H5T_CSET_UTF8));
  return type;
}

void set_attribute_raw(hid_t object, std::string const& name, hid_t type, void const* value) {
  if (WIDELIMIT_H5(H5Aexists(object, name.c_str())) > 0) {
    WIDELIMIT_H5(H5Adelete(object, name.c_str()));
  }
  SpaceHandle const space = space_of({});
  AttributeHandle const attribute(
      WIDELIMIT_H5(H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT)));
  WIDELIMIT_H5(H5Awrite(attribute.get(), type, value));
}

void make_scale(hid_t file, std::string const& name, Index length) {
  std::vector<Index> numbers(static_cast<std::size_t>(length));
  std::iota(numbers.begin(), numbers.end(), Index{0});
  DatasetHandle const scale =
      create_array(file, "/" + name, {length}, H5T_NATIVE_INT64, Storage::reserved);
  WIDELIMIT_H5(
      H5Dwrite(scale.get(), H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()));
  WIDELIMIT_H5(H5DSset_scale(scale.get(), name.c_str()));
}

}  // namespace

DatasetHandle create_array(hid_t file, std::string const& path, std::vector<Index> const& shape,
                           hid_t type, Storage storage, std::vector<Index> const& chunk) {
  PropertyHandle const links = make_groups_on_the_way();
  PropertyHandle const creation(WIDELIMIT_H5(H5Pcreate(H5P_DATASET_CREATE)));
  WIDELIMIT_H5(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY));
  WIDELIMIT_H5(H5Pset_fill_time(
      creation.get(), storage == Storage::zeroed ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER));
  if (!chunk.empty()) {
    std::vector<hsize_t> const lengths(chunk.begin(), chunk.end());
    WIDELIMIT_H5(H5Pset_chunk(creation.get(), static_cast<int>(lengths.size()), lengths.data()));
  }
  SpaceHandle const space = space_of(shape);
  return DatasetHandle(WIDELIMIT_H5(
      H5Dcreate2(file, path.c_str(), type, space.get(), links.get(), creation.get(), H5P_DEFAULT)));
}

void name_dimensions(hid_t file, hid_t dataset, std::vector<Index> const& shape,
                     std::vector<std::string> const& names) {
  if (names.size() != shape.size()) {
    throw Error(ExitCode::failed, "an array of " + std::to_string(shape.size()) +
                                      " dimensions was given " + std::to_string(names.size()) +
                                      " names for them");
  }
  for (std::size_t axis = 0; axis < names.size(); ++axis) {
    if (names[axis].empty()) continue;
    if (!exists(file, "/" + names[axis])) make_scale(file, names[axis], shape[axis]);
    DatasetHandle const scale(WIDELIMIT_H5(H5Dopen2(file, names[axis].c_str(), H5P_DEFAULT)));
    if (shape_of(scale.get()) != std::vector<Index>{shape[axis]}) {
      throw Error(ExitCode::failed, "the dimension " + names[axis] +
                                        " has two lengths, one of them " +
                                        std::to_string(shape[axis]));
    }
    WIDELIMIT_H5(H5DSattach_scale(dataset, scale.get(), static_cast<unsigned>(axis)));
    WIDELIMIT_H5(H5DSset_label(dataset, static_cast<unsigned>(axis), names[axis].c_str()));
  }
}

GroupHandle open_group(hid_t file, std::string const& path) {
  if (path == "/" || exists(file, path)) {
    return GroupHandle(WIDELIMIT_H5(H5Gopen2(file, path.c_str(), H5P_DEFAULT)));
  }
  PropertyHandle const links = make_groups_on_the_way();
  return GroupHandle(
      WIDELIMIT_H5(H5Gcreate2(file, path.c_str(), links.get(), H5P_DEFAULT, H5P_DEFAULT)));
}

void set_attribute(hid_t object, std::string const& name, std::string const& value) {
  TypeHandle const type = text_type();
  char const* const text = value.c_str();
  set_attribute_raw(object, name, type.get(), static_cast<void const*>(&text));
}

void set_attribute(hid_t object, std::string const& name, double value) {
  set_attribute_raw(object, name, H5T_NATIVE_DOUBLE, &value);
}

void set_attribute(hid_t object, std::string const& name, Index value) {
  set_attribute_raw(object, name, H5T_NATIVE_INT64, &value);
}

std::string text_attribute(hid_t object, std::string const& name) {
  AttributeHandle const attribute(WIDELIMIT_H5(H5Aopen(object, name.c_str(), H5P_DEFAULT)));
  TypeHandle const type = text_type();
  char* text = nullptr;
  WIDELIMIT_H5(H5Aread(attribute.get(), type.get(), static_cast<void*>(&text)));
  std::string result = text == nullptr ? "" : text;
  H5free_memory(text);
  return result;
}

Index index_attribute(hid_t object, std::string const& name) {
  AttributeHandle const attribute(WIDELIMIT_H5(H5Aopen(object, name.c_str(), H5P_DEFAULT)));
  Index value = 0;
  WIDELIMIT_H5(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value));
  return value;
}

}  // namespace widelimit::io::detail
