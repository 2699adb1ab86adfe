/// \file
/// Tiles of a GPU's memory on their way to the host's.
#pragma once

#include <algorithm>

#include "widelimit/kernels/spaces.hpp"

#include "gram/detail/reserve.hpp"

namespace widelimit::gram::detail {

/// Room for one matrix of a tile on the GPU and, in pages that it can write to, on the host.
template <class Real>
class Staging {
 public:
  /// Memory of the GPU for `size` entries.
  Real* reserve(Index size) {
    detail::reserve(device_, "widelimit::gram::device_tile", size);
    detail::reserve(host_, "widelimit::gram::pinned_tile", size);
    return device_.data();
  }

  /// Copies a height x width tile to the host; with `lower_only` its lower triangle alone.
  void to_host(Index height, Index width, bool lower_only, Real* to, Index ld) const {
    auto const entries = std::pair<Index, Index>(0, height * width);
    Kokkos::deep_copy(Kokkos::subview(host_, entries), Kokkos::subview(device_, entries));
    Kokkos::parallel_for("widelimit::gram::to_host",
                         Kokkos::RangePolicy<kernels::HostExec>(0, height), [&](Index i) {
                           std::copy_n(host_.data() + i * width, lower_only ? i + 1 : width,
                                       to + i * ld);
                         });
  }

 private:
  Kokkos::View<Real*, kernels::Exec> device_;
  Kokkos::View<Real*, Kokkos::SharedHostPinnedSpace> host_;
};

}  // namespace widelimit::gram::detail
