/// \file
/// Random networks that fit together, for tests that hold for every network.
#pragma once

#include <random>

#include "widelimit/network/layers.hpp"
#include "widelimit/network/shapes.hpp"
#include "widelimit/network/validate.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::test {

/// Grows networks by random layers, keeping those that network::validate accepts.
class RandomNetworks {
 public:
  explicit RandomNetworks(unsigned seed) : engine_(seed) {}

  /// A valid network of 2 to `max_depth` layers in a row, branches nested up to three deep.
  network::Sequence operator()(int max_depth = 8) {
    network::Sequence network(1, layer(network::Dense{uniform(0.6, 1.4), uniform(0, 0.5)}));
    int const depth = 2 + below(max_depth - 1);
    while (static_cast<int>(network.size()) < depth) {
      network.push_back(layer(kind(0)));
      try {
        network::validate(network, "random");
        network::infer_shapes(network, {}, "random");
      } catch (InputError const&) {
        network.pop_back();  // most draws do not fit
      }
    }
    return network;
  }

  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }

 private:
  using Kind = decltype(network::Layer::kind);

  static network::Layer layer(Kind kind) {
    // In the order of the variants.
    static constexpr char const* kinds[] = {"dense", "",        "layer_norm", "dropout", "residual",
                                            "sum",   "product", "concat",     "repeat"};
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
    network::Layer result;
    auto const* const function = std::get_if<network::Activation>(&kind);
    result.name = function == nullptr ? kinds[kind.index()] : functions[function->index()];
    result.kind = std::move(kind);
    return result;
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

  Kind kind(int nesting) {
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
        return network::LayerNorm{network::LayerNorm::Axes::channel,
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
};

}  // namespace widelimit::test
