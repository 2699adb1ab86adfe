/// \file
/// Which positions the windows of convolutions and pools reach, found one by one. Everything has two
/// axes; a sequence is an image of width 1.
#pragma once

#include "widelimit/network/layers.hpp"

namespace widelimit::reference {

struct Axes {
  int height = 1, width = 1;
  bool sequence = false;  ///< numbers for each axis speak of the height alone
};

/// Sizes of a filter, or strides, along both axes.
inline Axes along_both(network::PerAxis const& numbers, Axes of) {
  if (of.sequence) return {numbers.at(0), 1};
  return {numbers.at(0), numbers.size() == 1 ? numbers[0] : numbers.at(1)};
}

/// Windows of `conv` and of pools.
class Windows {
 public:
  Windows(Axes before, network::PerAxis const& sizes, network::PerAxis const& strides,
          network::Padding padding)
      : before_(before),
        sizes_(along_both(sizes, before)),
        strides_(along_both(strides, before)),
        padding_(padding),
        after_{count_along(before.height, sizes_.height, strides_.height),
               count_along(before.width, sizes_.width, strides_.width), before.sequence} {}

  Axes after() const { return after_; }
  int size() const { return sizes_.height * sizes_.width; }

  /// Windows along the first axis of a sequence of which so many positions count.
  int count(int length) const { return count_along(length, sizes_.height, strides_.height); }

  /// The position under place `j` of window `o`; -1: a zero beyond the edge.
  int source(int o, int j) const {
    int const row = source_along(before_.height, after_.height, sizes_.height, strides_.height,
                                 o / after_.width, j / sizes_.width);
    int const col = source_along(before_.width, after_.width, sizes_.width, strides_.width,
                                 o % after_.width, j % sizes_.width);
    return row < 0 || col < 0 ? -1 : row * before_.width + col;
  }

 private:
  int count_along(int n, int size, int stride) const {
    int count = 0;
    if (padding_ == network::Padding::valid) {
      while (count * stride + size <= n) ++count;
    } else {
      while (count * stride < n) ++count;
    }
    return count;
  }

  int source_along(int n, int count, int size, int stride, int o, int j) const {
    if (padding_ == network::Padding::valid) return o * stride + j;
    int const reach = (count - 1) * stride + size;
    int const before = reach > n ? (reach - n) / 2 : 0;
    int const position = o * stride + j - before;
    if (padding_ == network::Padding::circular) return (position % n + n) % n;
    return position < 0 || position >= n ? -1 : position;
  }

  Axes before_, sizes_, strides_;
  network::Padding padding_;
  Axes after_;
};

/// Where the weights of `conv_transpose` carry a position.
class Spread {
 public:
  Spread(Axes before, network::PerAxis const& sizes, network::PerAxis const& strides,
         network::Padding padding)
      : sizes_(along_both(sizes, before)),
        strides_(along_both(strides, before)),
        padding_(padding),
        before_(before),
        after_{count_along(before.height, sizes_.height, strides_.height),
               count_along(before.width, sizes_.width, strides_.width), before.sequence} {}

  Axes after() const { return after_; }
  int size() const { return sizes_.height * sizes_.width; }
  int count(int length) const { return count_along(length, sizes_.height, strides_.height); }

  /// The output to which weight `j` carries position `i`; -1: none.
  int target(int i, int j) const {
    int const row = target_along(before_.height, sizes_.height, strides_.height, i / before_.width,
                                 j / sizes_.width);
    int const col = target_along(before_.width, sizes_.width, strides_.width, i % before_.width,
                                 j % sizes_.width);
    return row < 0 || col < 0 ? -1 : row * after_.width + col;
  }

 private:
  /// All that is reached has (n-1)·stride + max(size, stride) places; but for `valid`, what is more
  /// than n·stride is cut off, or wrapped, on both sides.
  int count_along(int n, int size, int stride) const {
    int const whole = (n - 1) * stride + (size > stride ? size : stride);
    return padding_ == network::Padding::valid ? whole : n * stride;
  }

  int target_along(int n, int size, int stride, int i, int j) const {
    int const place = i * stride + j;
    if (padding_ == network::Padding::valid) return place;
    int const whole = (n - 1) * stride + (size > stride ? size : stride), wanted = n * stride;
    int const shifted = place - (whole - wanted) / 2;
    if (padding_ == network::Padding::circular) return (shifted % wanted + wanted) % wanted;
    return shifted < 0 || shifted >= wanted ? -1 : shifted;
  }

  Axes sizes_, strides_;
  network::Padding padding_;
  Axes before_, after_;
};

}  // namespace widelimit::reference
