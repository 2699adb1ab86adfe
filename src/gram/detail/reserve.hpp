/// \file
/// Memory that is kept from one tile to the next.
#pragma once

#include <string>

#include <Kokkos_Core.hpp>

#include "widelimit/runtime/types.hpp"

namespace widelimit::gram::detail {

/// Makes room for `size` numbers, whose values are not kept.
template <class View>
void reserve(View& view, char const* label, Index size) {
  if (static_cast<Index>(view.extent(0)) >= size) return;
  view = {};  // both at once may be too much
  view = View(Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing),
              static_cast<std::size_t>(size));
}

}  // namespace widelimit::gram::detail
