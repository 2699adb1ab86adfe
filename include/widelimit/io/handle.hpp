/// \file
/// Owners of HDF5 identifiers and the check of HDF5 calls.
#pragma once

#include <string>
#include <utility>

#include <hdf5.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::io {

/// An HDF5 call that failed. The text holds the innermost message of HDF5's error stack, which says
/// what happened, while the outer ones say only where.
class Hdf5Error : public Error {
 public:
  Hdf5Error(std::string reason, std::string const& call)
      : Error(ExitCode::failed, "HDF5: " + reason + " in " + call), reason_(std::move(reason)) {}
  /// HDF5's own words.
  std::string const& reason() const { return reason_; }

 private:
  std::string reason_;
};

/// Turns off HDF5's printing of its error stack in this thread: errors become exceptions. Local.
void silence_hdf5();

/// Throws Hdf5Error for the call that has just failed.
[[noreturn]] void throw_hdf5_error(char const* call);

template <class Result>
Result check_h5(Result result, char const* call) {
  if (result < 0) throw_hdf5_error(call);
  return result;
}

/// The result of an HDF5 call, or Hdf5Error.
#define WIDELIMIT_H5(call) ::widelimit::io::check_h5((call), #call)

void report_unclosed() noexcept;

/// Owner of an HDF5 identifier that `Close` releases. The destructor never throws; where a failure
/// to close matters (a file with unwritten data), call close().
template <herr_t (*Close)(hid_t)>
class Handle {
 public:
  Handle() = default;
  /// Takes over `id`, which must be valid: `Handle<&H5Dclose> d(WIDELIMIT_H5(H5Dopen2(…)))`.
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0 && Close(id_) < 0) report_unclosed();
  }

  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  /// Closes now; throws Hdf5Error.
  void close() {
    if (id_ >= 0) check_h5(Close(std::exchange(id_, H5I_INVALID_HID)), "close");
  }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

using FileHandle = Handle<&H5Fclose>;
using GroupHandle = Handle<&H5Gclose>;
using DatasetHandle = Handle<&H5Dclose>;
using SpaceHandle = Handle<&H5Sclose>;
using TypeHandle = Handle<&H5Tclose>;
using AttributeHandle = Handle<&H5Aclose>;
using ObjectHandle = Handle<&H5Oclose>;
using PropertyHandle = Handle<&H5Pclose>;

}  // namespace widelimit::io
