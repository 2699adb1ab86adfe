#include "widelimit/io/file.hpp"

#include <algorithm>
#include <filesystem>

#include <unistd.h>

#include "widelimit/io/disk.hpp"

namespace widelimit::io {
namespace {

PropertyHandle file_access() {
  PropertyHandle access(WIDELIMIT_H5(H5Pcreate(H5P_FILE_ACCESS)));
  // Fixed arrays of chunks whose addresses follow from their numbers came with 1.10.
  WIDELIMIT_H5(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110));
  // HDF5's locks fail on file systems without flock; files that are written are locked by their
  // owner.
  WIDELIMIT_H5(H5Pset_file_locking(access.get(), false, true));
  return access;
}

FileHandle open(std::string const& name, unsigned flags, Location const& where) {
  silence_hdf5();
  std::error_code ignored;
  if (!std::filesystem::exists(name, ignored)) {
    throw InputError(where, "no such file: " + name);
  }
  if (std::filesystem::is_directory(name, ignored)) {
    throw InputError(where, name + " is a folder; name an HDF5 file");
  }
  if (access(name.c_str(), flags == H5F_ACC_RDONLY ? R_OK : R_OK | W_OK) != 0) {
    throw InputError(where, "you have no right to " +
                                std::string(flags == H5F_ACC_RDONLY ? "read " : "change ") + name);
  }
  if (H5Fis_hdf5(name.c_str()) <= 0) {
    throw InputError(where, name + " is not an HDF5 file; convert the data (h5py, MATLAB -v7.3)");
  }
  PropertyHandle const properties = file_access();
  try {
    return FileHandle(WIDELIMIT_H5(H5Fopen(name.c_str(), flags, properties.get())));
  } catch (Hdf5Error const& e) {
    if (e.reason().find("truncated") != std::string::npos) {
      throw InputError(where, name + " is cut short: copy it again (HDF5: " + e.reason() + ")");
    }
    throw InputError(where, name +
                                " cannot be opened; is it damaged or being written by another "
                                "program? (HDF5: " +
                                e.reason() + ")");
  }
}

extern "C" herr_t collect_dataset(hid_t, char const* name, H5O_info_t const* info, void* paths) {
  if (info->type == H5O_TYPE_DATASET) {
    static_cast<std::vector<std::string>*>(paths)->push_back("/" + std::string(name));
  }
  return 0;
}

}  // namespace

FileHandle open_to_read(std::string const& name, Location const& where) {
  return open(name, H5F_ACC_RDONLY, where);
}

FileHandle open_to_change(std::string const& name) {
  return open(name, H5F_ACC_RDWR, {});
}

FileHandle create_file(std::string const& name) {
  silence_hdf5();
  DiskFile const made(name, DiskFile::Mode::create);  // its errors say more than HDF5's
  PropertyHandle const properties = file_access();
  constexpr hsize_t mebibyte = 1 << 20;
  WIDELIMIT_H5(H5Pset_alignment(properties.get(), mebibyte, mebibyte));
  return FileHandle(
      WIDELIMIT_H5(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, properties.get())));
}

std::vector<std::string> dataset_paths(hid_t group) {
  std::vector<std::string> paths;
  WIDELIMIT_H5(
      H5Ovisit2(group, H5_INDEX_NAME, H5_ITER_INC, collect_dataset, &paths, H5O_INFO_BASIC));
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool exists(hid_t file, std::string const& path) {
  // HDF5 wants each group on the way tested before the next.
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string const part = path.substr(0, end);
    if (part != "/" && !part.empty() && H5Lexists(file, part.c_str(), H5P_DEFAULT) <= 0) {
      return false;
    }
    if (end == std::string::npos) return true;
  }
}

std::vector<Index> shape_of(hid_t dataset) {
  SpaceHandle const space(WIDELIMIT_H5(H5Dget_space(dataset)));
  int const rank = WIDELIMIT_H5(H5Sget_simple_extent_ndims(space.get()));
  std::vector<hsize_t> lengths(static_cast<std::size_t>(rank));
  WIDELIMIT_H5(H5Sget_simple_extent_dims(space.get(), lengths.data(), nullptr));
  return {lengths.begin(), lengths.end()};
}

std::string type_name(hid_t type) {
  std::string const bits = std::to_string(8 * H5Tget_size(type));
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits;
    case H5T_FLOAT:
      return "float" + bits;
    case H5T_STRING:
      return "string";
    case H5T_ENUM:
      return "enumeration";
    case H5T_COMPOUND:
      return "compound";
    case H5T_REFERENCE:
      return "reference";
    default:
      return "other";
  }
}

}  // namespace widelimit::io
