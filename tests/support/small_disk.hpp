/// \file
/// A file system of a few MiB, to be filled.
#pragma once

#include <string>

#include <sys/mount.h>

#include "support/hdf5_files.hpp"

namespace widelimit::test {

/// A folder on a file system of its own where the system lets this process mount one. Collective.
class SmallDisk {
 public:
  SmallDisk(runtime::Communicator const& comm, std::string const& size)
      : comm_(comm), folder_(comm) {
    bool const failed = comm.is_root() && mount("tmpfs", folder_.file("").c_str(), "tmpfs", 0,
                                                ("size=" + size).c_str()) != 0;
    mounted_ = comm.first_rank_where(failed) < 0;
  }
  ~SmallDisk() {
    comm_.barrier();
    if (mounted_ && comm_.is_root()) umount2(folder_.file("").c_str(), MNT_DETACH);
  }
  SmallDisk(SmallDisk const&) = delete;
  SmallDisk& operator=(SmallDisk const&) = delete;
  bool mounted() const { return mounted_; }
  std::string file(std::string const& name) const { return folder_.file(name); }

 private:
  runtime::Communicator comm_;
  Folder folder_;
  bool mounted_ = false;
};

}  // namespace widelimit::test
