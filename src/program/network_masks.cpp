/// \file
/// Sequences of unequal length: what a program computes from their lengths, which are data.
#include "network_pass.hpp"
#include "position_windows.hpp"

namespace widelimit::program::detail {

Id NetworkPass::by_length(Index positions, std::function<double(std::size_t, Index)> const& value) {
  Index const lengths = task_.input.positions.front();
  std::vector<MapEntry> entries;
  for (Index length = 0; length < lengths; ++length)
    for (Index p = 0; p < positions; ++p)
      if (double const v = value(static_cast<std::size_t>(length), p); v != 0)
        entries.push_back({length, p, v});
  return b_.add(ScalarMapColumns{none, inputs_->lengths,
                                 at_all_points(points(), lengths, positions, entries)});
}

Id NetworkPass::mask(Flow const& flow) {
  if (flow.counted.empty()) return none;
  return by_length(count(flow.positions), [&](std::size_t length, Index p) {
    return p < flow.counted[length] ? 1.0 : 0.0;
  });
}

Id NetworkPass::one_over_counted(Flow const& flow) {
  return by_length(1, [&](std::size_t length, Index) {
    return 1 / static_cast<double>(std::max<Index>(1, flow.counted[length]));
  });
}

NetworkPass::Flow NetworkPass::times(Flow flow, Id factors) {
  for (Id& part : flow.parts)
    part =
        flow.raw ? b_.elementwise("a*b", {part, factors}) : b_.nonlinear("x*a", {part}, {factors});
  return flow;
}

NetworkPass::Flow NetworkPass::masked(Flow flow) {
  Id const counts = mask(flow);
  return counts == none ? flow : times(std::move(flow), counts);
}

}  // namespace widelimit::program::detail
