/// \file
/// Small HDF5 files and folders for tests.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <hdf5.h>
#include <unistd.h>

#include "widelimit/io/file.hpp"
#include "widelimit/runtime/communicator.hpp"

namespace widelimit::test {

/// A new folder that all ranks see; rank 0 removes it in the end. Collective.
class Folder {
 public:
  explicit Folder(runtime::Communicator const& comm) : comm_(comm) {
    std::string pattern = (std::filesystem::temp_directory_path() / "widelimit-XXXXXX").string();
    if (comm.is_root() && mkdtemp(pattern.data()) == nullptr) pattern.clear();
    path_ = comm.broadcast(pattern);
  }
  ~Folder() {
    comm_.barrier();
    std::error_code ignored;
    if (comm_.is_root()) std::filesystem::remove_all(path_, ignored);
  }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;
  std::string file(std::string const& name) const { return path_ + "/" + name; }

 private:
  runtime::Communicator comm_;
  std::string path_;
};

/// Adds a data set of `file_type` holding `data` (of `memory_type`); groups on the way are made.
/// Local.
inline void add_dataset(hid_t file, std::string const& path, std::vector<hsize_t> const& shape,
                        hid_t file_type, hid_t memory_type, void const* data) {
  using namespace widelimit::io;
  PropertyHandle const links(WIDELIMIT_H5(H5Pcreate(H5P_LINK_CREATE)));
  WIDELIMIT_H5(H5Pset_create_intermediate_group(links.get(), 1));
  SpaceHandle const space(
      WIDELIMIT_H5(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr)));
  DatasetHandle const dataset(WIDELIMIT_H5(H5Dcreate2(file, path.c_str(), file_type, space.get(),
                                                      links.get(), H5P_DEFAULT, H5P_DEFAULT)));
  WIDELIMIT_H5(H5Dwrite(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
}

/// Reads a whole data set. Local.
template <class T>
std::vector<T> read_dataset(std::string const& name, std::string const& path, hid_t memory_type) {
  using namespace widelimit::io;
  FileHandle const file = open_to_read(name);
  DatasetHandle const dataset(WIDELIMIT_H5(H5Dopen2(file.get(), path.c_str(), H5P_DEFAULT)));
  std::size_t count = 1;
  for (Index const length : shape_of(dataset.get())) count *= static_cast<std::size_t>(length);
  std::vector<T> values(count);
  WIDELIMIT_H5(H5Dread(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
  return values;
}

/// The text of the widelimit::Error that `f` throws, with its exit status in front ("2: …"); empty
/// where it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (Error const& e) {
    return std::to_string(static_cast<int>(e.code())) + ": " + e.what();
  }
  return "";
}

}  // namespace widelimit::test
