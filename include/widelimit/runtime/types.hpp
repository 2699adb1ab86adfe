/// \file
/// Integer and precision types used everywhere.
#pragma once

#include <cstdint>
#include <string_view>

namespace widelimit {

/// Anything that may count data points or matrix entries: N·N passes 2^31 at N = 46341.
using Index = std::int64_t;

/// Arithmetic of a run. `mixed`: tiles in single, accumulation and solves in double.
enum class Precision { double_, single, mixed };

/// Half-open range of rows or columns.
struct Range {
  Index begin = 0;
  Index end = 0;
  constexpr Index size() const { return end - begin; }
  bool operator==(Range const&) const = default;
};

constexpr std::string_view to_string(Precision p) {
  return p == Precision::double_ ? "double" : p == Precision::single ? "single" : "mixed";
}

}  // namespace widelimit
