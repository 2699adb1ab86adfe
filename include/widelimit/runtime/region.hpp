/// \file
/// Named, timed parts of a run, seen by Kokkos tools and kept for the results file.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace widelimit::runtime {

/// Wall seconds by region, in the order in which regions were first entered.
class Timings {
 public:
  void add(std::string const& name, double seconds);
  std::vector<std::pair<std::string, double>> const& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, double>> entries_;
};

/// A profiling region from construction to destruction; its time is added to `timings`.
class Region {
 public:
  Region(Timings& timings, std::string name);
  ~Region();
  Region(Region const&) = delete;
  Region& operator=(Region const&) = delete;

 private:
  Timings& timings_;
  std::string name_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace widelimit::runtime
