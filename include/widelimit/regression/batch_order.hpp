/// \file
/// Which points are in which batch of stochastic gradient descent.
#pragma once

#include <cstdint>
#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::regression {

/// The order of batches, the same on all ranks and for any number of them.
class BatchOrder {
 public:
  /// Draws a new order of all `points` for each epoch, from (seed, epoch) alone: points sorted by
  /// Philox numbers. Each epoch is cut in batches of `batch`, the last one what is left.
  /// Both from 1, batch at most `points`.
  BatchOrder(Index points, Index batch, std::uint64_t seed);
  /// A given order. \param rows  steps x batch, row-major; negative numbers stand for no point.
  /// After the last row the first follows again.
  BatchOrder(std::vector<Index> rows, Index batch);

  Index batch_size() const { return batch_; }
  /// Batches until all points had their turn, or rows of the given order.
  Index steps_per_epoch() const;
  /// The points of the batch of a step, counted from 0. O(points·log(points)) once an epoch, where
  /// it is drawn.
  std::vector<Index> batch(Index step);

 private:
  Index points_ = 0, batch_;
  std::uint64_t seed_ = 0;
  std::vector<Index> given_;
  Index epoch_ = -1;
  std::vector<Index> order_;  ///< of that epoch
};

}  // namespace widelimit::regression
