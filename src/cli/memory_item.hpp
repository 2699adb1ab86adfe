/// \file
/// An item of a memory estimate.
#pragma once

#include <string>

namespace widelimit::cli {

struct MemoryItem {
  std::string what;
  double bytes;  ///< of one rank
};

}  // namespace widelimit::cli
