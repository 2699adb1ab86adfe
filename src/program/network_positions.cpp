/// \file
/// Layers of positions: pools, `flatten`, `aggregate`, recurrent networks, as maps between columns.
#include "widelimit/program/activations.hpp"

#include "network_pass.hpp"
#include "position_windows.hpp"

namespace widelimit::program::detail {

NetworkPass::Flow NetworkPass::pass(network::Pool const& layer, Flow const& in) {
  Windows const windows(in.positions, layer.window, layer.strides, layer.padding, false);
  Index const inputs = windows.total(windows.in), outputs = windows.total(windows.out);
  std::vector<MapEntry> entries;
  std::vector<Index> members(static_cast<std::size_t>(outputs), 0);
  MultiIndex offset(windows.size);
  for (Index n = 0; n < offset.count(); ++n, offset.advance())
    windows.visit(*offset, [&](Index i, Index o) {
      entries.push_back({i, o, 1});
      ++members[static_cast<std::size_t>(o)];
    });
  if (layer.kind == network::Pool::Kind::average)
    for (auto& e : entries)
      e.weight = 1 / static_cast<double>(layer.normalize_edges
                                             ? members[static_cast<std::size_t>(e.output)]
                                             : offset.count());
  return mapped(in, at_all_points(points(), inputs, outputs, entries), windows.out);
}

NetworkPass::Flow NetworkPass::pass(network::GlobalPool const& layer, Flow const& in) {
  Index const size = count(in.positions);
  bool const average = layer.kind == network::Pool::Kind::average;
  std::vector<MapEntry> entries;
  for (Index p = 0; p < size; ++p)
    entries.push_back({p, 0, average ? 1 / static_cast<double>(size) : 1});
  return mapped(in, at_all_points(points(), size, 1, entries), {});
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
  Flow out{in.raw, {}, in.positions};
  for (Id const part : in.parts)
    out.parts.push_back(in.raw ? b_.add(ScalarProduct{none, part, found->second, points()})
                               : b_.add(Combine{none, part, found->second, points()}));
  return out;
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
  std::vector<Id> states;
  for (Index t = 0; t < steps; ++t) {
    Id h = at(false, inputs, t);
    if (t > 0) h = add_all({b_.add(MatMul{none, w, states.back()}), h});
    states.push_back(b_.nonlinear(phi, {h}));
    if (t + 1 == steps)
      pass_.taps.push_back({"layer_" + std::to_string(pass_.taps.size() + 1), h, states.back()});
  }
  if (layer.returns == network::Rnn::Return::last) return {false, {states.back()}, {}};
  std::vector<Id> spread;
  for (Index t = 0; t < steps; ++t)
    spread.push_back(map(false, states[static_cast<std::size_t>(t)],
                         at_all_points(points(), 1, steps, {{0, t, 1}})));
  return {false, {add_all(spread)}, in.positions};
}

}  // namespace widelimit::program::detail
