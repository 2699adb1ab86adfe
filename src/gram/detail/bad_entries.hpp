/// \file
/// Counting entries that are not finite, which kernels should find none of.
#pragma once

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/spaces.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::gram::detail {

/// A counter in the memory of the kernels.
class BadEntries {
 public:
  using Counter = Kokkos::View<Index, kernels::Exec>;

  Counter const& counter() const { return counter_; }

  /// Waits for the kernels that count.
  Index total() const {
    Index sum = 0;
    Kokkos::deep_copy(sum, counter_);
    return sum;
  }

 private:
  Counter counter_{"widelimit::gram::bad_entries"};
};

/// Adds what one member found.
KOKKOS_FORCEINLINE_FUNCTION void count_bad(BadEntries::Counter const& counter, Index found) {
  if (found > 0) Kokkos::atomic_add(&counter(), found);
}

}  // namespace widelimit::gram::detail
