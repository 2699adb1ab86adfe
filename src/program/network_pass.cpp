#include "network_pass.hpp"

#include <cmath>

#include "widelimit/program/activations.hpp"
#include "widelimit/program/column_map.hpp"
#include "widelimit/runtime/error.hpp"

#include "sums.hpp"

namespace widelimit::program::detail {

void NetworkPass::fail(std::string const& message) const {
  throw InputError({file_, line_, "network"}, message);
}

Pass NetworkPass::run(Inputs const& inputs, Dropouts dropouts) {
  inputs_ = &inputs;
  dropouts_ = dropouts;
  pass_ = {};
  n_parameters_ = n_tensors_ = 0;
  line_ = 0;
  auto const& network = task_.network;
  if (network.empty() || !std::holds_alternative<network::Dense>(network.back().kind))
    fail("a network that is trained as a program ends with `dense`, which makes the outputs");
  Flow flow{true, {inputs.x}, task_.input.positions};
  if (inputs.lengths != none)
    for (Index length = 1; length <= task_.input.positions.front(); ++length)
      flow.counted.push_back(length);
  // A `flatten` of the data is in their layout.
  bool const flat = std::holds_alternative<network::Flatten>(network.front().kind);
  flow = walk({network.begin() + (flat ? 1 : 0), network.end() - 1}, flow);
  line_ = network.back().line;
  pass_.outputs = readout(std::get<network::Dense>(network.back().kind), flow);
  return pass_;
}

NetworkPass::Flow NetworkPass::walk(network::Sequence const& layers, Flow flow) {
  for (auto const& layer : layers) {
    line_ = layer.line;
    flow = std::visit([&](auto const& kind) { return pass(kind, flow); }, layer.kind);
  }
  return flow;
}

Index NetworkPass::count(network::Positions const& positions) const {
  Index product = 1;
  for (Index const p : positions) product *= p;
  return product;
}

// Parameters.

void NetworkPass::begin_tensor(LayerKind kind) {
  if (n_tensors_ == tensors_.size()) tensors_.push_back(kind);
  ++n_tensors_;
}

Parameter const& NetworkPass::weights(std::string const& name, double g) {
  if (n_parameters_ == parameters_.size()) {
    auto const tensor = n_tensors_ - 1;
    auto const kind = tensors_[tensor];
    auto const* preset = std::get_if<Preset>(&task_.parametrization);
    Exponents e;
    if (preset != nullptr)
      e = exponents(*preset, kind);
    else if (auto const& all = std::get<std::vector<Exponents>>(task_.parametrization);
             tensor < all.size())
      e = all[tensor];
    double const sigma = scaling_.sigma(kind, e, g);
    Parameter made{.kind = kind, .rate = scaling_.rate(kind, e, g)};
    if (tensor < task_.multipliers.size()) made.multiplier = task_.multipliers[tensor];
    auto const unique = name + std::to_string(tensor + 1);
    switch (kind) {
      case LayerKind::input:
        made.value = b_.gaussian(unique, task_.input_rows, sigma);
        break;
      case LayerKind::hidden:
        made.value = b_.matrix(unique, sigma);
        break;
      default:
        made.value =
            sigma == 0 ? b_.vector(unique, n_outputs_) : b_.gaussian(unique, n_outputs_, sigma);
    }
    parameters_.push_back(made);
  }
  return parameters_[n_parameters_++];
}

Id NetworkPass::constant_weights(std::string const& name, Index columns, double g) {
  if (n_parameters_ == parameters_.size()) {
    auto const* preset = std::get_if<Preset>(&task_.parametrization);
    Exponents const e = preset != nullptr
                            ? exponents(*preset, LayerKind::input)
                            : std::get<std::vector<Exponents>>(task_.parametrization).front();
    Parameter made{.kind = LayerKind::input,
                   .rate = scaling_.rate(LayerKind::input, e, g),
                   .multiplier = parameters_.back().multiplier};
    made.value = b_.gaussian(name + std::to_string(n_tensors_), columns,
                             scaling_.sigma(LayerKind::input, e, g));
    parameters_.push_back(made);
  }
  return parameters_[n_parameters_++].value;
}

Id NetworkPass::with_bias(Id x, double b_std) {
  if (b_std == 0) return x;
  // A product with ones, so that gradients keep the columns apart.
  Id const ones = ones_row(b_, b_.columns(x));
  Id const bias = b_.add(Combine{none, constant_weights("bias", 1, b_std), ones});
  return add_all({x, bias});
}

Id NetworkPass::add_all(std::vector<Id> const& values) {
  return sum_of_vectors(b_, values);
}

Id NetworkPass::weighted(bool raw, Id x, double g) {
  if (raw) {
    auto const& u = weights("U", g / std::sqrt(static_cast<double>(task_.input.channels)));
    return b_.add(Combine{none, u.value, x});
  }
  return b_.add(MatMul{none, weights("W", g).value, x});
}

Id NetworkPass::weighted_sum(Flow const& in, double g) {
  std::vector<Id> terms;
  double const share = g / std::sqrt(static_cast<double>(in.parts.size()));
  for (Id const part : in.parts) terms.push_back(weighted(in.raw, part, share));
  return add_all(terms);
}

Id NetworkPass::map(bool raw, Id x, SharedColumnMap const& columns) {
  if (is_identity(*columns)) return x;
  return raw ? b_.add(ScalarMapColumns{none, x, columns}) : b_.add(MapColumns{none, x, columns});
}

NetworkPass::Flow NetworkPass::mapped(Flow const& in, SharedColumnMap const& columns,
                                      network::Positions positions) {
  Flow out{in.raw, {}, std::move(positions), {}};
  for (Id const part : in.parts) out.parts.push_back(map(in.raw, part, columns));
  return out;
}

// Layers without positions.

NetworkPass::Flow NetworkPass::pass(network::Dense const& layer, Flow const& in) {
  begin_tensor(in.raw ? LayerKind::input : LayerKind::hidden);
  Id const h = weighted_sum(in, layer.w_std);
  Flow out{false, {with_bias(h, layer.b_std)}, in.positions, in.counted};
  return layer.b_std == 0 ? out : masked(std::move(out));
}

Id NetworkPass::readout(network::Dense const& layer, Flow const& in) {
  if (in.raw)
    fail(
        "the network has no hidden layer, so that it has no width; put a weight layer such as "
        "`dense` before the last one");
  if (!in.positions.empty())
    fail(
        "the data still have positions where the network ends; put `flatten` or a global pool "
        "before the last layer");
  begin_tensor(LayerKind::readout);
  std::vector<Id> terms;
  double const share = layer.w_std / std::sqrt(static_cast<double>(in.parts.size()));
  for (Id const part : in.parts)
    terms.push_back(b_.add(InnerProducts{none, weights("V", share).value, part}));
  if (layer.b_std != 0) {
    if (n_parameters_ == parameters_.size())
      parameters_.push_back({.value = b_.scalar("readout_bias", n_outputs_, 1),
                             .kind = LayerKind::readout,
                             .rate = layer.b_std * layer.b_std,
                             .multiplier = parameters_.back().multiplier});
    terms.push_back(parameters_[n_parameters_++].value);
  }
  return sum_of_scalars(b_, terms);
}

NetworkPass::Flow NetworkPass::pass(network::Activation const& layer, Flow const& in) {
  if (in.raw) fail("an element-wise function on the data; put a weight layer before it");
  auto const phi = expression_of(layer);
  Flow out{false, {}, in.positions, in.counted};
  for (Id const part : in.parts) out.parts.push_back(b_.nonlinear(phi, {part}));
  out = masked(std::move(out));
  if (in.parts.size() == 1)
    pass_.taps.push_back(
        {"layer_" + std::to_string(pass_.taps.size() + 1), in.parts.front(), out.parts.front()});
  return out;
}

NetworkPass::Flow NetworkPass::pass(network::LayerNorm const& layer, Flow const& in) {
  if (in.raw) fail("`layer_norm` on the data; put a weight layer before it");
  bool const all = layer.axes == network::LayerNorm::Axes::all && !in.positions.empty();
  Id const counts = mask(in);
  // Averages over the parts (and positions), one column for each column of a part.
  auto const average = [&](std::vector<Id> const& of_parts) {
    Id mean = sum_of_scalars(b_, of_parts);
    double weight = 1 / static_cast<double>(of_parts.size());
    if (all) {
      Index const size = count(in.positions), columns = points() * size;
      auto const sums = sum_of_groups(columns, points());
      if (counts != none) mean = b_.elementwise("a*b", {mean, counts});
      mean = b_.add(ScalarMapColumns{none, mean, sums});
      if (counts == none)
        weight /= static_cast<double>(size);
      else
        mean = b_.elementwise("a*b", {mean, one_over_counted(in)});
      mean = b_.add(ScalarMapColumns{none, mean, transposed(*sums)});
    }
    return b_.scaled(mean, weight);
  };
  std::vector<Id> means, variances;
  for (Id const part : in.parts) means.push_back(b_.mean("x", {part}));
  Id const mean = average(means);
  for (Id const part : in.parts) variances.push_back(b_.mean("(x - a)^2", {part}, {mean}));
  Id variance = average(variances);
  // No division by the zero variance of what does not count.
  if (counts != none) variance = b_.elementwise("a + 1 - b", {variance, counts});
  auto const root =
      Expression::call("sqrt", std::vector<Expression>{Expression::argument(0) + layer.eps});
  Id scale = b_.add(ScalarNonlinear{none, 1 / root, {variance}});
  if (counts != none) scale = b_.elementwise("a*b", {scale, counts});
  Flow out{false, {}, in.positions, in.counted};
  for (Id const part : in.parts)
    out.parts.push_back(b_.nonlinear("(x - a)*b", {part}, {mean, scale}));
  return out;
}

NetworkPass::Flow NetworkPass::pass(network::Dropout const& layer, Flow const& in) {
  if (layer.mode == network::Dropout::Mode::test || dropouts_ == Dropouts::off) return in;
  pass_.noisy = true;
  // Entries stay where a uniform number, made of a Gaussian one, is below the rate.
  auto const uniform = Expression::call("normal_cdf", std::vector{Expression::argument(1)});
  auto const stays = Expression::call("step", std::vector{layer.rate - uniform});
  auto const masked_entry = Expression::argument(0) * stays * (1 / layer.rate);
  Flow out = in;
  for (Id& part : out.parts) {
    Id const noise = b_.initial("noise", shape_of(b_.program(), part), GaussianNoise{1});
    part = b_.nonlinear(masked_entry, {part, noise});
  }
  return out;
}

NetworkPass::Flow NetworkPass::pass(network::Residual const& layer, Flow const& in) {
  return pass(network::Sum{{{}, layer.layers}}, in);
}

NetworkPass::Flow NetworkPass::pass(network::Sum const& layer, Flow const& in) {
  std::vector<Flow> flows;
  for (auto const& branch : layer.branches) flows.push_back(walk(branch, in));
  Flow out = flows.front();
  for (std::size_t p = 0; p < out.parts.size(); ++p) {
    std::vector<Id> terms;
    terms.reserve(flows.size());
    for (auto const& flow : flows) terms.push_back(flow.parts.at(p));
    out.parts[p] = add_all(terms);
  }
  return out;
}

NetworkPass::Flow NetworkPass::pass(network::Product const& layer, Flow const& in) {
  Flow out = walk(layer.branches.front(), in);
  for (std::size_t k = 1; k < layer.branches.size(); ++k) {
    auto const other = walk(layer.branches[k], in);
    for (std::size_t p = 0; p < out.parts.size(); ++p)
      out.parts[p] = b_.nonlinear("x*y", {out.parts[p], other.parts.at(p)});
  }
  return out;
}

NetworkPass::Flow NetworkPass::pass(network::Concat const& layer, Flow const& in) {
  Flow out;
  for (auto const& branch : layer.branches) {
    auto const flow = walk(branch, in);
    out.positions = flow.positions;
    out.counted = flow.counted;
    out.parts.insert(out.parts.end(), flow.parts.begin(), flow.parts.end());
  }
  return out;
}

NetworkPass::Flow NetworkPass::pass(network::Repeat const& layer, Flow const& in) {
  Flow flow = in;
  for (int k = 0; k < layer.times; ++k) flow = walk(layer.layers, flow);
  return flow;
}

}  // namespace widelimit::program::detail
