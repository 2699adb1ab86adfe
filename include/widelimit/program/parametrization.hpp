/// \file
/// abc-parametrizations: how weights and learning rates scale with the width, and the limit that
/// follows (Yang & Hu 2021, arXiv 2011.14522, sections 3 to 5).
///
/// The weights of layer l are W = n^-a·w, w has N(0, n^-2b) entries, and w moves by -η·n^-c times
/// its gradient. Layers 1 … L+1 are the weight layers in their order; the first has the data as
/// input, so that its fan-in stays as n grows; the last is the readout. A layer inside whose input
/// is the data as well counts as `input` too, as do biases.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::program {

struct Exponents {
  double a = 0, b = 0, c = 0;
};

enum class Preset {
  mup,         ///< maximal update: every layer learns features
  ntk,         ///< neural tangent: kernel regime
  standard,    ///< as frameworks initialise, with the largest stable learning rate, n^-1
  mean_field,  ///< as mup, written with standard normal parameters and a learning rate of n
};

enum class LayerKind { input, hidden, readout };

/// The exponents of a preset.
Exponents exponents(Preset preset, LayerKind kind);

/// All layers of a network.
struct Parametrization {
  std::vector<LayerKind> kinds;      ///< the last is the only readout
  std::vector<Exponents> exponents;  ///< of the same length
};

enum class Regime {
  unstable,          ///< something grows without bound
  trivial,           ///< the function does not move
  kernel,            ///< features freeze, the function follows a kernel
  feature_learning,  ///< features move
};
std::string_view to_string(Regime regime);

struct Classification {
  Regime regime = Regime::unstable;
  double r = 0;                  ///< features of the last layer move by n^-r
  std::vector<double> r_layers;  ///< the part of each layer but the readout; r is the least
  std::string reason;            ///< one sentence
};

/// The limit of training by SGD (with momentum, weight decay, in batches): theorem 3.4 and corollary
/// 3.9 of the paper, with the exponent c of each layer where they differ. Local.
Classification classify(Parametrization const& parametrization);

}  // namespace widelimit::program
