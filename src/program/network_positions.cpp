/// \file
/// Layers of positions: each becomes constant maps between columns around products with weights.
#include <cmath>

#include "widelimit/network/shapes.hpp"
#include "widelimit/program/activations.hpp"
#include "widelimit/program/column_map.hpp"

#include "network_pass.hpp"
#include "sums.hpp"

namespace widelimit::program::detail {
namespace {

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
SharedColumnMap at_all_points(Index points, Index inputs, Index outputs,
                              std::vector<MapEntry> const& entries) {
  std::vector<MapEntry> all;
  for (Index point = 0; point < points; ++point)
    for (auto const& e : entries)
      all.push_back({point * inputs + e.input, point * outputs + e.output, e.weight});
  return make_map(points * inputs, points * outputs, std::move(all));
}

}  // namespace

NetworkPass::Flow NetworkPass::pass(network::Conv const& layer, Flow const& in) {
  using Weights = network::Conv::Weights;
  if (layer.weights == Weights::local)
    fail(
        "`conv_local` has weights of its own at every position, which is not built for programs; "
        "use `conv`");
  Windows const windows(in.positions, layer.filter, layer.strides, layer.padding,
                        layer.weights == Weights::transposed);
  Index const inputs = windows.total(windows.in), outputs = windows.total(windows.out);
  begin_tensor(in.raw ? LayerKind::input : LayerKind::hidden);
  MultiIndex offset(windows.size);
  double const share =
      layer.w_std /
      std::sqrt(static_cast<double>(offset.count() * static_cast<Index>(in.parts.size())));
  std::vector<Id> terms;
  for (Index n = 0; n < offset.count(); ++n, offset.advance()) {
    std::vector<MapEntry> entries;
    windows.visit(*offset, [&](Index i, Index o) { entries.push_back({i, o, 1}); });
    auto const shift = at_all_points(points(), inputs, outputs, entries);
    for (Id const part : in.parts) {
      // On the data and where columns become fewer, move them before the product.
      bool const first = in.raw || outputs < inputs;
      Id const x = first ? map(in.raw, part, shift) : part;
      Id const y = weighted(in.raw, x, share);
      terms.push_back(first ? y : map(false, y, shift));
    }
  }
  return {false, {with_bias(add_all(terms), layer.b_std)}, windows.out};
}

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

NetworkPass::Flow NetworkPass::pass(network::Attention const& layer, Flow const& in) {
  if (!layer.linear_scaling)
    fail("attention with `linear_scaling: false` has no limit as a program; leave it out");
  if (layer.embedding != network::Attention::Embedding::none)
    fail(
        "attention with positional embeddings is not built for programs; leave `pos_emb_type` "
        "out");
  if (in.parts.size() != 1) fail("attention after `concat` is not built for programs");
  auto const kind = in.raw ? LayerKind::input : LayerKind::hidden;
  Id const z = in.parts.front();
  begin_tensor(kind);
  Id const key = weighted(in.raw, z, 1);  // tied with the query
  begin_tensor(kind);
  Id const value = weighted(in.raw, z, layer.w_value_std);
  Id const products = b_.add(InnerProducts{none, key, key, points()});
  Id scores = b_.scaled(products, layer.w_key_std * layer.w_query_std);
  switch (layer.mechanism) {
    case network::Attention::Mechanism::softmax: {
      Id const largest = b_.add(ScalarReduce{none, scores, Reduction::maximum, Axis::rows});
      Id const powers = b_.elementwise("exp(a - b)", {scores, largest});
      scores = b_.elementwise("a/b", {powers, b_.sum(powers, Axis::rows)});
      break;
    }
    case network::Attention::Mechanism::identity:
      break;
    case network::Attention::Mechanism::abs:
      scores = b_.elementwise("abs(a)", {scores});
      break;
    case network::Attention::Mechanism::relu:
      scores = b_.elementwise("relu(a)", {scores});
      break;
  }
  Id const mixed = b_.add(Combine{none, value, scores, points()});
  begin_tensor(LayerKind::hidden);
  Id const out = weighted(false, mixed, layer.w_out_std);
  return {false, {with_bias(out, layer.b_std)}, in.positions};
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
