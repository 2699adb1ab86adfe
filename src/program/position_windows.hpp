/// \file
/// Positions that windows join, as maps between columns.
#pragma once

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
  bool transposed = false, circular = false;

  Windows(network::Positions const& positions, network::PerAxis const& sizes,
          network::PerAxis const& strides, network::Padding padding, bool is_transposed)
      : in(positions), transposed(is_transposed), circular(padding == network::Padding::circular) {
    for (std::size_t k = 0; k < in.size(); ++k) {
      size.push_back(network::of_axis(sizes, k));
      stride.push_back(network::of_axis(strides, k));
      auto const axis = transposed ? network::transposed_windows(in[k], size[k], stride[k], padding)
                                   : network::axis_windows(in[k], size[k], stride[k], padding);
      out.push_back(axis.count);
      before.push_back(axis.before);
    }
  }

  Index total(network::Positions const& positions) const { return MultiIndex(positions).count(); }

  /// Calls visit(input position, output position) for the offset `j` in the windows.
  template <class Visit>
  void visit(std::vector<Index> const& j, Visit const& visit) const {
    auto const& from = transposed ? in : out;
    auto const& to = transposed ? out : in;
    MultiIndex p(from);
    MultiIndex const target(to);
    for (Index n = 0; n < p.count(); ++n, p.advance()) {
      std::vector<Index> q(from.size());
      bool inside = true;
      for (std::size_t k = 0; k < q.size(); ++k) {
        q[k] = transposed ? (*p)[k] * stride[k] + before[k] - j[k]
                          : (*p)[k] * stride[k] - before[k] + j[k];
        if (circular) q[k] = ((q[k] % to[k]) + to[k]) % to[k];
        inside = inside && q[k] >= 0 && q[k] < to[k];
      }
      if (!inside) continue;
      if (transposed)
        visit(n, target.flat(q));
      else
        visit(target.flat(q), n);
    }
  }
};

/// A map between positions as one between the columns of all points.
inline SharedColumnMap at_all_points(Index points, Index inputs, Index outputs,
                                     std::vector<MapEntry> const& entries) {
  std::vector<MapEntry> all;
  for (Index point = 0; point < points; ++point)
    for (auto const& e : entries)
      all.push_back({point * inputs + e.input, point * outputs + e.output, e.weight});
  return make_map(points * inputs, points * outputs, std::move(all));
}

}  // namespace widelimit::program::detail
