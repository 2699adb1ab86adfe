/// \file
/// The HDF5 type of a C++ type in memory.
#pragma once

#include <type_traits>

#include <hdf5.h>

#include "widelimit/runtime/types.hpp"

namespace widelimit::io::detail {

template <class T>
hid_t native_type() {
  static_assert(std::is_same_v<T, double> || std::is_same_v<T, float> || std::is_same_v<T, Index>);
  if constexpr (std::is_same_v<T, double>) {
    return H5T_NATIVE_DOUBLE;
  } else if constexpr (std::is_same_v<T, float>) {
    return H5T_NATIVE_FLOAT;
  } else {
    return H5T_NATIVE_INT64;
  }
}

}  // namespace widelimit::io::detail
