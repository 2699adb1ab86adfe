#include "widelimit/io/disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::io {
namespace {

// Linux moves at most 2 GiB in one call.
constexpr Index max_bytes = Index{1} << 30;

int flags_of(DiskFile::Mode mode) {
  switch (mode) {
    case DiskFile::Mode::read:
      return O_RDONLY;
    case DiskFile::Mode::update:
      return O_RDWR;
    default:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
}

}  // namespace

std::string disk_full_text(std::string const& file) {
  return file + ": the disk is full (" + runtime::format_bytes(free_bytes(file)) + " free in " +
         folder_of(file) +
         "). Free some space or name a file on another disk, then run again; with --resume "
         "finished "
         "work is kept.";
}

void throw_disk_error(std::string const& file, std::string const& action, int errno_value) {
  std::string const reason = std::strerror(errno_value);
  switch (errno_value) {
    case ENOSPC:
      throw InputError(disk_full_text(file));
    case EDQUOT:
      throw InputError(file + ": cannot " + action +
                       " it: your disk quota is used up. Free some space or name a file on another "
                       "disk, then run again; with --resume finished work is kept.");
    case EFBIG:
      throw InputError(file + ": cannot " + action +
                       " it: larger than this file system or `ulimit -f` allows. Name a file on "
                       "another disk or raise the limit.");
    case EACCES:
    case EPERM:
    case EROFS:
      throw InputError(file + ": cannot " + action + " it: " + reason +
                       ". Name a file in a folder you may write to.");
    case ENOENT:
    case ENOTDIR:
      throw InputError(file + ": cannot " + action + " it: " + reason +
                       ". Check the name; folders are not created.");
    case EISDIR:
      throw InputError(file + ": cannot " + action + " it: this is a folder. Name a file.");
    default:
      throw Error(ExitCode::failed, file + ": cannot " + action + " it: " + reason);
  }
}

std::string folder_of(std::string const& file) {
  auto const slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

double free_bytes(std::string const& file) {
  struct statvfs system {};
  if (statvfs(folder_of(file).c_str(), &system) != 0) {
    return std::numeric_limits<double>::infinity();
  }
  return static_cast<double>(system.f_bavail) * static_cast<double>(system.f_frsize);
}

void require_free_bytes(std::string const& file, double needed) {
  double const available = free_bytes(file);
  if (needed <= available) return;
  throw InputError(file + ": needs " + runtime::format_bytes(needed) + " of disk, and " +
                   folder_of(file) + " has " + runtime::format_bytes(available) +
                   " free. Free some space, name a file on another disk, or store less (single "
                   "precision, the lower triangle).");
}

void sync_folder(std::string const& file) {
  int const folder = open(folder_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;  // readable folders are all that can be synchronised
  fsync(folder);
  close(folder);
}

void rename_file(std::string const& from, std::string const& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw_disk_error(to, "write", errno);
}

DiskFile::DiskFile(std::string name, Mode mode) : name_(std::move(name)) {
  descriptor_ = open(name_.c_str(), flags_of(mode) | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_disk_error(name_, mode == Mode::create ? "create" : "open", errno);
}

DiskFile::DiskFile(DiskFile&& other) noexcept
    : name_(std::move(other.name_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

DiskFile& DiskFile::operator=(DiskFile&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

DiskFile::~DiskFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Index DiskFile::size() const {
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) throw_disk_error(name_, "read", errno);
  return status.st_size;
}

void DiskFile::write(void const* data, Index bytes, Index offset) const {
  auto const* from = static_cast<char const*>(data);
  while (bytes > 0) {
    auto const count = static_cast<std::size_t>(std::min(bytes, max_bytes));
    ssize_t const written = pwrite(descriptor_, from, count, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_disk_error(name_, "write", errno);
    from += written;
    offset += written;
    bytes -= written;
  }
}

void DiskFile::read(void* data, Index bytes, Index offset) const {
  auto* to = static_cast<char*>(data);
  while (bytes > 0) {
    auto const count = static_cast<std::size_t>(std::min(bytes, max_bytes));
    ssize_t const got = pread(descriptor_, to, count, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_disk_error(name_, "read", errno);
    if (got == 0) throw Error(ExitCode::failed, name_ + ": the file ends too early");
    to += got;
    offset += got;
    bytes -= got;
  }
}

void DiskFile::reserve(Index offset, Index bytes, bool grow) const {
  if (bytes <= 0) return;
  int status = 0;
  do {
    status = fallocate(descriptor_, grow ? 0 : FALLOC_FL_KEEP_SIZE, offset, bytes);
  } while (status != 0 && errno == EINTR);
  if (status == 0 || errno == EOPNOTSUPP || errno == ENOSYS) return;
  throw_disk_error(name_, "write", errno);
}

void DiskFile::resize(Index bytes) const {
  if (ftruncate(descriptor_, bytes) != 0) throw_disk_error(name_, "write", errno);
}

void DiskFile::sync() const {
  if (fsync(descriptor_) != 0 && errno != EINVAL) throw_disk_error(name_, "write", errno);
}

bool DiskFile::try_lock() const {
  return flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

}  // namespace widelimit::io
