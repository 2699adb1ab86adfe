/// \file
/// Plain files: positioned reads and writes, reserved space, and errors that say what to do.
#pragma once

#include <string>

#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

/// Throws for a call on `file` that failed with `errno_value`: InputError where the user can mend
/// it (disk full, quota, rights, no such folder), else Error. `action` reads "write", "create", ….
[[noreturn]] void throw_disk_error(std::string const& file, std::string const& action,
                                   int errno_value);

/// InputError text of a full disk: how much is free, what to do.
std::string disk_full_text(std::string const& file);

/// Bytes that this user can still write beside `file` (quotas not seen); infinite where unknown.
double free_bytes(std::string const& file);

/// Throws InputError with both numbers when less than `needed` bytes are free beside `file`.
void require_free_bytes(std::string const& file, double needed);

/// The folder of `file` ("." where none is named).
std::string folder_of(std::string const& file);

/// Makes the renaming and creation of `file` last through a crash of the machine.
void sync_folder(std::string const& file);

/// Renames, replacing `to`; throws as throw_disk_error.
void rename_file(std::string const& from, std::string const& to);

/// An open file descriptor. All calls are local and safe in several threads at once.
class DiskFile {
 public:
  enum class Mode {
    read,    ///< must exist
    update,  ///< must exist, read and write
    create   ///< new or emptied, read and write
  };
  DiskFile() = default;
  DiskFile(std::string name, Mode mode);
  DiskFile(DiskFile&& other) noexcept;
  DiskFile& operator=(DiskFile&& other) noexcept;
  ~DiskFile();

  std::string const& name() const { return name_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  Index size() const;
  void write(void const* data, Index bytes, Index offset) const;
  /// Throws Error when the file ends before.
  void read(void* data, Index bytes, Index offset) const;
  /// Sets blocks of the disk aside for a part of the file, so that later writes to it cannot find
  /// the disk full; grows the file when the part lies past its end and `grow` is set. Does nothing
  /// on a file system that cannot. Throws InputError when the disk is full.
  void reserve(Index offset, Index bytes, bool grow) const;
  void resize(Index bytes) const;
  /// Waits until the data is on the disk.
  void sync() const;
  /// Whether this process could lock the file for itself. True on a file system without locks.
  bool try_lock() const;

 private:
  std::string name_;
  int descriptor_ = -1;
};

}  // namespace widelimit::io
