#include "widelimit/regression/batch_order.hpp"

#include <algorithm>
#include <utility>

#include <Random123/philox.h>

namespace widelimit::regression {
namespace {

/// All points in an order drawn from (seed, epoch).
std::vector<Index> permutation(Index points, std::uint64_t seed, Index epoch) {
  r123::Philox4x32 const philox;
  r123::Philox4x32::key_type const key{
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  std::vector<std::pair<std::uint64_t, Index>> keyed(static_cast<std::size_t>(points));
  for (Index i = 0; i < points; ++i) {
    auto const number = static_cast<std::uint64_t>(i), turn = static_cast<std::uint64_t>(epoch);
    r123::Philox4x32::ctr_type const counter{
        {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32),
         static_cast<std::uint32_t>(turn), static_cast<std::uint32_t>(turn >> 32)}};
    auto const bits = philox(counter, key);
    keyed[static_cast<std::size_t>(i)] = {std::uint64_t{bits[0]} << 32 | bits[1], i};
  }
  std::ranges::sort(keyed);
  std::vector<Index> order;
  order.reserve(keyed.size());
  for (auto const& [bits, point] : keyed) order.push_back(point);
  return order;
}

}  // namespace

BatchOrder::BatchOrder(Index points, Index batch, std::uint64_t seed)
    : points_(points), batch_(batch), seed_(seed) {}

BatchOrder::BatchOrder(std::vector<Index> rows, Index batch)
    : batch_(batch), given_(std::move(rows)) {}

Index BatchOrder::steps_per_epoch() const {
  if (!given_.empty()) return static_cast<Index>(given_.size()) / batch_;
  return (points_ + batch_ - 1) / batch_;
}

std::vector<Index> BatchOrder::batch(Index step) {
  Index const in_epoch = step % steps_per_epoch();
  std::vector<Index> points;
  if (!given_.empty()) {
    auto const first = given_.begin() + in_epoch * batch_;
    std::copy_if(first, first + batch_, std::back_inserter(points),
                 [](Index point) { return point >= 0; });
    return points;
  }
  if (Index const epoch = step / steps_per_epoch(); epoch != epoch_) {
    order_ = permutation(points_, seed_, epoch);
    epoch_ = epoch;
  }
  auto const first = order_.begin() + in_epoch * batch_;
  auto const last = order_.begin() + std::min(points_, (in_epoch + 1) * batch_);
  points.assign(first, last);
  return points;
}

}  // namespace widelimit::regression
