/// \file
/// Which positions along one axis the windows of convolutions and pools read.
#pragma once

#include <vector>

#include "widelimit/network/shapes.hpp"

namespace widelimit::gram::detail {

/// For each output the position that each tap reads, or -1 beyond the axis.
using Reads = std::vector<std::vector<int>>;

/// Windows of `size` positions, see network::axis_windows.
inline Reads window_reads(int positions, int size, int stride, network::Padding padding) {
  auto const windows = network::axis_windows(positions, size, stride, padding);
  Reads reads(static_cast<std::size_t>(windows.count));
  for (int o = 0; o < windows.count; ++o) {
    for (int j = 0; j < size; ++j) {
      int const at = o * stride + j - static_cast<int>(windows.before);
      if (padding == network::Padding::circular) {
        reads[o].push_back(((at % positions) + positions) % positions);
      } else {
        reads[o].push_back(at >= 0 && at < positions ? at : -1);
      }
    }
  }
  return reads;
}

/// The reverse, see network::transposed_windows: a tap reaches an output from one position at most.
inline Reads transposed_reads(int positions, int size, int stride, network::Padding padding) {
  auto const windows = network::transposed_windows(positions, size, stride, padding);
  auto const count = static_cast<int>(windows.count);
  Reads reads(static_cast<std::size_t>(count), std::vector<int>(size, -1));
  for (int i = 0; i < positions; ++i) {
    for (int j = 0; j < size; ++j) {
      int at = i * stride + static_cast<int>(windows.before) - j;
      if (padding == network::Padding::circular) at = ((at % count) + count) % count;
      if (at >= 0 && at < count) reads[at][j] = i;
    }
  }
  return reads;
}

}  // namespace widelimit::gram::detail
