#include "widelimit/io/handle.hpp"

#include "widelimit/runtime/log.hpp"

namespace widelimit::io {
namespace {

extern "C" herr_t take_innermost(unsigned position, H5E_error2_t const* entry, void* text) {
  if (position == 0 && entry->desc != nullptr) *static_cast<std::string*>(text) = entry->desc;
  return 0;
}

}  // namespace

void silence_hdf5() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

void throw_hdf5_error(char const* call) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &reason);
  H5Eclear2(H5E_DEFAULT);
  throw Hdf5Error(reason.empty() ? "unknown error" : reason, call);
}

void report_unclosed() noexcept {
  try {
    runtime::log_local(runtime::Level::error, "an HDF5 object did not close");
  } catch (...) {  // a destructor calls this: there is nobody left to tell
    return;
  }
}

}  // namespace widelimit::io
