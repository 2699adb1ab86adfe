/// \file
/// Which shifts of a grid are needed.
#pragma once

#include <cstdlib>
#include <vector>

#include "widelimit/kernels/positional/plane.hpp"

namespace widelimit::gram::detail {

using kernels::Grid;
using kernels::Shift;

class ShiftSet {
 public:
  ShiftSet() = default;
  explicit ShiftSet(Grid grid)
      : grid_(grid), in_(static_cast<std::size_t>((2 * grid.height - 1) * (2 * grid.width - 1))) {}

  void add(Shift s) {
    char& in = in_[place(s)];
    count_ += in == 0 ? 1 : 0;
    in = 1;
  }
  void add_all() {
    in_.assign(in_.size(), 1);
    count_ = in_.size();
  }
  bool has(Shift s) const {
    return std::abs(s.y) < grid_.height && std::abs(s.x) < grid_.width && in_[place(s)] != 0;
  }
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == in_.size(); }
  Grid grid() const { return grid_; }

  template <class F>
  void for_each(F const& f) const {
    for (int y = 1 - grid_.height; y < grid_.height; ++y) {
      for (int x = 1 - grid_.width; x < grid_.width; ++x) {
        if (in_[place({y, x})] != 0) f(Shift{y, x});
      }
    }
  }

 private:
  std::size_t place(Shift s) const {
    return static_cast<std::size_t>((s.y + grid_.height - 1) * (2 * grid_.width - 1) + s.x +
                                    grid_.width - 1);
  }
  Grid grid_;
  std::vector<char> in_;
  std::size_t count_ = 0;
};

}  // namespace widelimit::gram::detail
