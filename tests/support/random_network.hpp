/// \file
/// Random networks that fit together, for tests that hold for every network.
#pragma once

#include <functional>
#include <numeric>
#include <random>
#include <utility>

#include "widelimit/network/layers.hpp"
#include "widelimit/network/shapes.hpp"
#include "widelimit/network/validate.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::test {

/// Grows networks by random layers, keeping those that `validate` and `infer_shapes` accept.
class RandomNetworks {
 public:
  explicit RandomNetworks(unsigned seed) : engine_(seed) {}

  /// A valid network on vectors of 2 to `max_depth` layers in a row, branches nested up to three
  /// deep.
  network::Sequence operator()(int max_depth = 8) {
    input_ = {};
    network::Sequence network(1, layer(network::Dense{uniform(0.6, 1.4), uniform(0, 0.5)}));
    grow(network, 2 + below(max_depth - 1), {});
    return network;
  }

  /// The same for data with positions, which the last layers do away with. Never more than
  /// `most_positions` between two layers in a row.
  network::Sequence operator()(network::InputShape const& input, int max_depth = 8) {
    input_ = input;
    network::Sequence network;
    network::Sequence end{layer(network::Flatten{})};
    if (below(3) > 0)
      end = {layer(network::GlobalPool{below(3) == 0 ? network::Pool::Kind::sum
                                                     : network::Pool::Kind::average})};
    if (below(3) > 0 || max_depth < 3) end.push_back(layer(network::Dense{uniform(0.6, 1.4), 0}));
    grow(network, 1 + below(max_depth - static_cast<int>(end.size())), end);
    bool const gone = network::positions_after(network, input.positions).empty();
    if (gone) end = {layer(network::Dense{uniform(0.6, 1.4), 0})};
    network.insert(network.end(), end.begin(), end.end());
    return network;
  }

  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }

 private:
  using Kind = decltype(network::Layer::kind);
  static constexpr Index most_positions = 16;

  /// Adds layers up to a depth; that `end` makes a whole network of it is asked of each.
  void grow(network::Sequence& network, int depth, network::Sequence const& end) {
    while (static_cast<int>(network.size()) < depth) {
      network.push_back(layer(kind(0)));
      if (!fits(network, end)) network.pop_back();  // most draws do not fit
    }
  }

  bool fits(network::Sequence const& network, network::Sequence const& end) const {
    auto const after = network::positions_after(network, input_.positions);
    if (std::accumulate(after.begin(), after.end(), Index{1}, std::multiplies<>()) > most_positions)
      return false;
    auto whole = network;
    if (!after.empty()) whole.insert(whole.end(), end.begin(), end.end());
    if (!input_.positions.empty() && whole.size() == network.size())
      whole.push_back(layer(network::Dense{}));
    try {
      network::validate(whole, "random");
      network::infer_shapes(whole, input_, "random");
    } catch (InputError const&) {
      return false;
    }
    return true;
  }

  static std::string name_of(Kind const& kind) {
    // In the order of the variants.
    static constexpr char const* kinds[] = {"dense",      "",
                                            "layer_norm", "dropout",
                                            "residual",   "sum",
                                            "product",    "concat",
                                            "repeat",     "conv",
                                            "pool",       "global_pool",
                                            "flatten",    "global_self_attention",
                                            "aggregate",  "rnn"};
    static constexpr char const* functions[] = {"abrelu",
                                                "erf",
                                                "gelu",
                                                "sin",
                                                "cos",
                                                "rbf",
                                                "sign",
                                                "exp",
                                                "gaussian",
                                                "exp_normalized",
                                                "gabor",
                                                "monomial",
                                                "rectified_monomial",
                                                "polynomial",
                                                "hermite",
                                                "numerical"};
    if (auto const* function = std::get_if<network::Activation>(&kind))
      return functions[function->index()];
    std::string const name = kinds[kind.index()];
    if (auto const* conv = std::get_if<network::Conv>(&kind)) {
      if (conv->weights == network::Conv::Weights::local) return name + "_local";
      if (conv->weights == network::Conv::Weights::transposed) return name + "_transpose";
    }
    if (auto const* pool = std::get_if<network::Pool>(&kind))
      return (pool->kind == network::Pool::Kind::sum ? "sum_" : "avg_") + name;
    if (auto const* pool = std::get_if<network::GlobalPool>(&kind))
      return pool->kind == network::Pool::Kind::sum ? "global_sum_pool" : "global_avg_pool";
    return name;
  }

  static network::Layer layer(Kind kind) {
    auto name = name_of(kind);
    return {std::move(kind), std::move(name)};
  }

  network::Sequence sequence(int length, int nesting) {
    network::Sequence layers;
    for (int k = 0; k < length; ++k) layers.push_back(layer(kind(nesting)));
    return layers;
  }

  network::Sequence branch(int nesting) {
    auto layers = sequence(below(4), nesting + 1);
    // Most joins want Gaussian branches.
    if (below(2) == 0) layers.push_back(layer(network::Dense{uniform(0.6, 1.4), 0}));
    return layers;
  }

  network::PerAxis sizes(int most) {
    network::PerAxis numbers;
    for (std::size_t k = 0; k < input_.positions.size(); ++k) numbers.push_back(1 + below(most));
    if (below(3) == 0) numbers.resize(1);
    return numbers;
  }
  network::PerAxis strides() { return below(4) > 0 ? network::PerAxis{1} : sizes(2); }
  network::Padding padding() {
    using enum network::Padding;
    static constexpr network::Padding likely[] = {same, same, same, valid, valid, circular};
    return likely[below(6)];
  }

  network::Conv conv(network::Conv::Weights weights) {
    return {weights,   sizes(3),          strides(),
            padding(), uniform(0.6, 1.6), below(2) == 0 ? 0 : uniform(0, 0.5)};
  }

  network::Attention attention() {
    using Attention = network::Attention;
    Attention result;
    result.linear_scaling = below(3) > 0;
    for (double* std : {&result.w_key_std, &result.w_query_std, &result.w_value_std,
                        &result.w_out_std, &result.w_pos_emb_std})
      *std = uniform(0.5, 1.4);
    result.b_std = below(2) == 0 ? 0 : uniform(0, 0.5);
    result.mechanism = result.linear_scaling ? static_cast<Attention::Mechanism>(below(4))
                                             : Attention::Mechanism::identity;
    result.embedding = static_cast<Attention::Embedding>(below(3));
    if (result.embedding == Attention::Embedding::concat && below(2) == 0)
      result.n_chan_pos_emb = 1 + below(3);
    if (below(2) == 0) result.decay = Attention::Decay{uniform(0.5, 3), 1.0 + below(2)};
    result.val_pos_emb = below(2) == 0;
    return result;
  }

  Kind positional_kind() {
    using Weights = network::Conv::Weights;
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return conv(Weights::shared);
      case 5:
        return conv(Weights::local);
      case 6:
        return conv(Weights::transposed);
      case 7:
      case 8:
      case 9:
        return network::Pool{network::Pool::Kind::average, sizes(3), strides(), padding(),
                             below(2) == 0};
      case 10:
        return network::Pool{network::Pool::Kind::sum, sizes(2), strides(), padding(), false};
      case 11:
      case 12:
        return attention();
      case 13:
        return network::Aggregate{"p"};
      case 14:
        return network::Rnn{
            activation(),
            "drawn",
            uniform(0.5, 1.2),
            uniform(0.5, 1.2),
            uniform(0, 0.5),
            below(4) == 0 ? network::Rnn::Return::last : network::Rnn::Return::sequence};
      default:
        if (below(2) == 0) return network::Flatten{};
        return network::GlobalPool{};
    }
  }

  Kind kind(int nesting) {
    if (!input_.positions.empty() && below(2) == 0) return positional_kind();
    switch (below(nesting < 3 ? 17 : 10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return network::Dense{uniform(0.6, 1.4), below(2) == 0 ? 0 : uniform(0, 0.7)};
      case 4:
      case 5:
      case 6:
      case 7:
        return activation();
      case 8:
        return network::LayerNorm{!input_.positions.empty() && below(2) == 0
                                      ? network::LayerNorm::Axes::all
                                      : network::LayerNorm::Axes::channel,
                                  below(2) == 0 ? 1e-12 : uniform(0, 0.3)};
      case 9:
        return network::Dropout{uniform(0.2, 1), below(2) == 0 ? network::Dropout::Mode::train
                                                               : network::Dropout::Mode::test};
      case 10:
        return network::Residual{branch(nesting)};
      case 11:
        return network::Sum{branches(nesting)};
      case 12:
        return network::Product{branches(nesting)};
      case 13:
      case 14:
        return network::Concat{branches(nesting)};
      default:
        return network::Repeat{1 + below(3), branch(nesting)};
    }
  }

  std::vector<network::Sequence> branches(int nesting) {
    std::vector<network::Sequence> result;
    for (int const count = 1 + below(3); static_cast<int>(result.size()) < count;)
      result.push_back(branch(nesting));
    return result;
  }

  network::Activation activation() {
    switch (below(16)) {
      case 0:
      case 1:
        return network::AbRelu{0, 1};
      case 2:
        return network::AbRelu{uniform(-1, 1), uniform(-1, 1)};
      case 3:
        return network::Erf{uniform(0.5, 1.5), uniform(0.5, 2), below(2) * uniform(-1, 1)};
      case 4:
        return network::Gelu{};
      case 5:
        return network::Sin{uniform(0.5, 1.5), uniform(0.3, 2), below(2) * uniform(-1, 1)};
      case 6:
        return network::Cos{uniform(0.5, 1.5), uniform(0.3, 2), below(2) * uniform(-1, 1)};
      case 7:
        return network::Rbf{uniform(0.1, 1)};
      case 8:
        return network::Sign{};
      case 9:
        return network::Exp{uniform(0.2, 1), uniform(-0.4, 0.4)};
      case 10:
        return network::Gaussian{uniform(0.5, 1.5), uniform(-1.5, 0)};
      case 11:
        return network::ExpNormalized{uniform(0, 2), uniform(-1, 0), false};
      case 12:
        return network::Monomial{below(4)};
      case 13:
        return network::RectifiedMonomial{below(3)};
      case 14:
        return network::Polynomial{{uniform(-1, 1), uniform(-1, 1), uniform(-0.5, 0.5)}};
      default:
        return network::Hermite{below(4)};
    }
  }

  std::mt19937_64 engine_;
  network::InputShape input_;
};

}  // namespace widelimit::test
