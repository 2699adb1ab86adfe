/// \file
/// Layers of positions: pools, `flatten`, `aggregate`, recurrent networks, as maps between columns.
#include <algorithm>

#include "widelimit/program/activations.hpp"

#include "network_pass.hpp"
#include "position_windows.hpp"

namespace widelimit::program::detail {

NetworkPass::Flow NetworkPass::pass(network::Pool const& layer, Flow const& in) {
  Windows const windows(in.positions, layer.window, layer.strides, layer.padding, false);
  Index const inputs = windows.total(windows.in), outputs = windows.total(windows.out);
  auto const entries = windows.entries();
  bool const average = layer.kind == network::Pool::Kind::average;
  bool const own = average && layer.normalize_edges;  // divides by what is inside
  auto const members = [&](Index output, Index length) {
    return static_cast<double>(std::ranges::count_if(
        entries, [&](MapEntry const& e) { return e.output == output && e.input < length; }));
  };
  bool const by_lengths = own && !in.counted.empty();
  auto weighted_entries = entries;
  if (average && !by_lengths)
    for (auto& e : weighted_entries)
      e.weight = 1 / (own ? members(e.output, inputs) : static_cast<double>(windows.places()));
  Flow out = mapped(in, at_all_points(points(), inputs, outputs, weighted_entries), windows.out);
  out.counted = windows.counted(in.counted);
  if (!by_lengths) return masked(std::move(out));
  return times(out, by_length(outputs, [&](std::size_t length, Index o) {
                 double const inside = members(o, in.counted[length]);
                 return o < out.counted[length] && inside > 0 ? 1 / inside : 0;
               }));
}

NetworkPass::Flow NetworkPass::pass(network::GlobalPool const& layer, Flow const& in) {
  Index const size = count(in.positions);
  bool const average = layer.kind == network::Pool::Kind::average;
  bool const by_lengths = average && !in.counted.empty();
  std::vector<MapEntry> entries;
  for (Index p = 0; p < size; ++p)
    entries.push_back({p, 0, average && !by_lengths ? 1 / static_cast<double>(size) : 1});
  Flow out = mapped(in, at_all_points(points(), size, 1, entries), {});
  return by_lengths ? times(std::move(out), one_over_counted(in)) : out;
}

NetworkPass::Flow NetworkPass::pass(network::Flatten const&, Flow const& in) {
  if (in.raw) fail("`flatten` of the data stands before all other layers, or after a weight layer");
  Index const size = count(in.positions);
  Flow out;
  for (Id const part : in.parts)
    for (Index p = 0; p < size; ++p)
      out.parts.push_back(map(false, part, at_all_points(points(), size, 1, {{p, 0, 1}})));
  return out;
}

NetworkPass::Flow NetworkPass::pass(network::Aggregate const& layer, Flow const& in) {
  auto const found = inputs_->patterns.find(layer.pattern);
  if (found == inputs_->patterns.end()) fail("the data have no pattern `" + layer.pattern + "`");
  Flow out{in.raw, {}, in.positions, in.counted};
  for (Id const part : in.parts)
    out.parts.push_back(in.raw ? b_.add(ScalarProduct{none, part, found->second, points()})
                               : b_.add(Combine{none, part, found->second, points()}));
  return masked(std::move(out));
}

NetworkPass::Flow NetworkPass::pass(network::Rnn const& layer, Flow const& in) {
  auto const phi = expression_of(layer.activation);
  Index const steps = count(in.positions);
  auto const at = [&](bool raw, Id x, Index step) {
    return map(raw, x, at_all_points(points(), steps, 1, {{step, 0, 1}}));
  };
  begin_tensor(in.raw ? LayerKind::input : LayerKind::hidden);
  Id const inputs = with_bias(weighted_sum(in, layer.u_std), layer.b_std);  // of all steps at once
  begin_tensor(LayerKind::hidden);
  Id const w = weights("W", layer.w_std).value;
  auto const tap = [&](Id h, Id feature) {
    pass_.taps.push_back({"layer_" + std::to_string(pass_.taps.size() + 1), h, feature});
  };
  bool const last = layer.returns == network::Rnn::Return::last;
  std::vector<Id> sums, states;
  for (Index t = 0; t < steps; ++t) {
    Id h = at(false, inputs, t);
    if (t > 0) h = add_all({b_.add(MatMul{none, w, states.back()}), h});
    sums.push_back(h);
    states.push_back(b_.nonlinear(phi, {h}));
  }
  if (last && in.counted.empty()) {
    tap(sums.back(), states.back());
    return {false, {states.back()}, {}, {}};
  }
  auto const side_by_side = [&](std::vector<Id> const& columns) {
    std::vector<Id> spread;
    for (Index t = 0; t < steps; ++t)
      spread.push_back(map(false, columns[static_cast<std::size_t>(t)],
                           at_all_points(points(), 1, steps, {{0, t, 1}})));
    return add_all(spread);
  };
  if (!last) {
    tap(sums.back(), states.back());
    return masked({false, {side_by_side(states)}, in.positions, in.counted});
  }
  // Of each point the step at which its sequence ends.
  Id const ends = by_length(
      steps, [&](std::size_t length, Index t) { return t + 1 == in.counted[length] ? 1.0 : 0.0; });
  Id const h = map(false, b_.nonlinear("x*a", {side_by_side(sums)}, {ends}),
                   sum_of_groups(points() * steps, points()));
  Id const state = b_.nonlinear(phi, {h});
  tap(h, state);
  return {false, {state}, {}, {}};
}

}  // namespace widelimit::program::detail
