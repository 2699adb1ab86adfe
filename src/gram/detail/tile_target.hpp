/// \file
/// Where the entries of a tile go.
#pragma once

#include "widelimit/runtime/types.hpp"

namespace widelimit::gram::detail {

/// Row-major with leading dimension `ld`, in the memory of Exec; null: nowhere.
template <class Real>
struct TileTarget {
  Real *nngp, *ntk;
  Index ld;
};

}  // namespace widelimit::gram::detail
