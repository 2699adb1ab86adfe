/// \file
/// Positions that windows join, as maps between columns.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "widelimit/network/shapes.hpp"
#include "widelimit/program/column_map.hpp"

namespace widelimit::program::detail {

/// One number for each axis, the last running fastest, from 0 to `sizes`.
class MultiIndex {
 public:
  explicit MultiIndex(std::vector<Index> sizes) : sizes_(std::move(sizes)), at_(sizes_.size(), 0) {
    for (Index const s : sizes_) count_ *= s;
  }
  Index count() const { return count_; }
  std::vector<Index> const& operator*() const { return at_; }
  void advance() {
    for (std::size_t k = at_.size(); k-- > 0;) {
      if (++at_[k] < sizes_[k]) return;
      at_[k] = 0;
    }
  }
  Index flat(std::vector<Index> const& index) const {
    Index result = 0;
    for (std::size_t k = 0; k < sizes_.size(); ++k) result = result * sizes_[k] + index[k];
    return result;
  }

 private:
  std::vector<Index> sizes_, at_;
  Index count_ = 1;
};

/// The windows of a layer over all axes.
struct Windows {
  network::Positions in, out;
  std::vector<Index> size, stride, before;
  network::Padding padding;
  bool transposed = false, circular = false;

  Windows(network::Positions const& positions, network::PerAxis const& sizes,
          network::PerAxis const& strides, network::Padding how, bool is_transposed)
      : in(positions),
        padding(how),
        transposed(is_transposed),
        circular(how == network::Padding::circular) {
    for (std::size_t k = 0; k < in.size(); ++k) {
      size.push_back(network::of_axis(sizes, k));
      stride.push_back(network::of_axis(strides, k));
      auto const axis = along(k, in[k]);
      out.push_back(axis.count);
      before.push_back(axis.before);
    }
  }

  network::AxisWindows along(std::size_t axis, Index length) const {
    return transposed ? network::transposed_windows(length, size[axis], stride[axis], padding)
                      : network::axis_windows(length, size[axis], stride[axis], padding);
  }

  /// The windows that count of sequences of which so many positions count.
  std::vector<Index> counted(std::vector<Index> lengths) const {
    for (Index& length : lengths)
      if (length > 0) length = std::clamp<Index>(along(0, length).count, 0, out.front());
    return lengths;
  }

  static Index total(network::Positions const& positions) { return MultiIndex(positions).count(); }
  /// Of a window.
  Index places() const { return total(size); }

  /// What the place `j` of the windows joins: input and output positions, each of weight 1.
  std::vector<MapEntry> entries(std::vector<Index> const& j) const;
  /// Those of all places.
  std::vector<MapEntry> entries() const;
};

/// A map between positions as one between the columns of all points.
SharedColumnMap at_all_points(Index points, Index inputs, Index outputs,
                              std::vector<MapEntry> const& entries);

}  // namespace widelimit::program::detail
