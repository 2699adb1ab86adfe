#include "widelimit/runtime/region.hpp"

#include <algorithm>

#include <Kokkos_Core.hpp>

namespace widelimit::runtime {

void Timings::add(std::string const& name, double seconds) {
  auto const found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](auto const& entry) { return entry.first == name; });
  if (found == entries_.end()) {
    entries_.emplace_back(name, seconds);
  } else {
    found->second += seconds;
  }
}

Region::Region(Timings& timings, std::string name)
    : timings_(timings), name_(std::move(name)), start_(std::chrono::steady_clock::now()) {
  timings_.add(name_, 0);  // its place among the entries
  Kokkos::Profiling::pushRegion("widelimit::" + name_);
}

Region::~Region() {
  Kokkos::Profiling::popRegion();
  timings_.add(name_,
               std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
}

}  // namespace widelimit::runtime
