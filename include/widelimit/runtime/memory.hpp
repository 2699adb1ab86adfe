/// \file
/// How much memory this process used and how much it may use.
#pragma once

#include <cstddef>

namespace widelimit::runtime {

/// Largest resident set of this process so far, bytes. Local.
double peak_rss_bytes();

/// Memory that new allocations on this machine can still get, bytes: what the kernel calls
/// available, or what the control group of this process (a batch job) still allows, whichever is
/// less. Local.
double available_memory_bytes();

/// Asks the system to back memory that is about to be written with large pages, which makes its
/// first use and reading it in any order quicker; only a hint, of whole large pages. Local.
void prefer_large_pages(void* begin, std::size_t bytes);

}  // namespace widelimit::runtime
