/// \file
/// Reads files of reference numbers, for tests that compare with them.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include <hdf5.h>

namespace widelimit::test {

/// Numbers of a data set, row-major, with its shape.
struct Array {
  std::vector<long> shape;
  std::vector<double> values;
};

/// An HDF5 file opened for reading; every call throws std::runtime_error where something is
/// missing.
class ReferenceFile {
 public:
  explicit ReferenceFile(std::string const& path)
      : file_(check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT))) {}
  ~ReferenceFile() { H5Fclose(file_); }
  ReferenceFile(ReferenceFile const&) = delete;
  ReferenceFile& operator=(ReferenceFile const&) = delete;

  /// Names of the groups under `path`, in alphabetical order.
  std::vector<std::string> names(std::string const& path = "/") const {
    hid_t const group = check(H5Gopen(file_, path.c_str(), H5P_DEFAULT));
    H5G_info_t info{};
    H5Gget_info(group, &info);
    std::vector<std::string> result;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
      char name[256] = "";
      H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
      result.emplace_back(name);
    }
    H5Gclose(group);
    return result;
  }

  bool has(std::string const& path) const {
    return H5Lexists(file_, path.c_str(), H5P_DEFAULT) > 0;
  }

  Array array(std::string const& path) const {
    hid_t const set = check(H5Dopen(file_, path.c_str(), H5P_DEFAULT));
    hid_t const space = H5Dget_space(set);
    std::vector<hsize_t> shape(H5Sget_simple_extent_ndims(space));
    H5Sget_simple_extent_dims(space, shape.data(), nullptr);
    Array result{{shape.begin(), shape.end()},
                 std::vector<double>(H5Sget_simple_extent_npoints(space))};
    H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, result.values.data());
    H5Sclose(space);
    H5Dclose(set);
    return result;
  }

  std::string text(std::string const& path, char const* attribute) const {
    hid_t const handle =
        check(H5Aopen_by_name(file_, path.c_str(), attribute, H5P_DEFAULT, H5P_DEFAULT));
    hid_t const type = H5Aget_type(handle);
    std::string value;
    if (H5Tis_variable_str(type) > 0) {
      char* content = nullptr;
      H5Aread(handle, type, &content);
      if (content != nullptr) value = content;
      H5free_memory(content);
    } else {
      value.resize(H5Tget_size(type));
      H5Aread(handle, type, value.data());
    }
    H5Tclose(type);
    H5Aclose(handle);
    return value;
  }

  double number(std::string const& path, char const* attribute) const {
    hid_t const handle =
        check(H5Aopen_by_name(file_, path.c_str(), attribute, H5P_DEFAULT, H5P_DEFAULT));
    double value = 0;
    H5Aread(handle, H5T_NATIVE_DOUBLE, &value);
    H5Aclose(handle);
    return value;
  }

 private:
  static hid_t check(hid_t id) {
    if (id < 0) throw std::runtime_error("reference file: HDF5 object not found");
    return id;
  }
  hid_t file_;
};

}  // namespace widelimit::test
