/// \file
/// Planes of a stage, used again when nothing reads them any more.
#pragma once

#include <map>
#include <optional>
#include <vector>

namespace widelimit::gram::detail {

class PlanePool {
 public:
  /// A plane that holds nothing.
  int allocate() {
    if (free_.empty()) return count_++;
    int const plane = free_.back();
    free_.pop_back();
    return plane;
  }
  /// The plane holds the value of a node, to be read so many times.
  void hold(int node, int plane, int uses) {
    if (uses > 0)
      held_[node] = {plane, uses};
    else
      free_.push_back(plane);
  }
  std::optional<int> plane_of(int node) const {
    auto const at = held_.find(node);
    if (at == held_.end()) return {};
    return at->second.plane;
  }
  /// The value has been read once.
  void used(int node) {
    auto const at = held_.find(node);
    if (--at->second.uses > 0) return;
    free_.push_back(at->second.plane);
    held_.erase(at);
  }
  /// Planes that there have been at the same time.
  int count() const { return count_; }

 private:
  struct Held {
    int plane, uses;
  };
  std::map<int, Held> held_;
  std::vector<int> free_;
  int count_ = 0;
};

}  // namespace widelimit::gram::detail
