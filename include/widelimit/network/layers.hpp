/// \file
/// The layers of a network as plain data: what an input file says, checked, without how it is
/// computed.
#pragma once

#include <numbers>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace widelimit::network {

// Element-wise functions φ. Each is one struct of its parameters; `relu`, `leaky_relu` and `abs`
// are AbRelu.

struct AbRelu {
  double a = 0, b = 1;
};  ///< a·min(x,0) + b·max(x,0)
struct Erf {
  double a = 1, b = 1, c = 0;
};               ///< a·erf(b·x) + c
struct Gelu {};  ///< x·Φ(x), Φ the normal distribution function
struct Sin {
  double a = 1, b = 1, c = 0;
};  ///< a·sin(b·x + c)
struct Cos {
  double a = 1, b = 1, c = 0;
};  ///< a·cos(b·x + c)
struct Rbf {
  double gamma = 1;
};               ///< √2·sin(√(2γ)·x + π/4): kernel exp(-γ|u-v|²)
struct Sign {};  ///< sign(x); its derivative counts as zero
struct Exp {
  double a = 1, b = 1;
};  ///< a·exp(b·x)
struct Gaussian {
  double a = 1, b = -1;
};  ///< a·exp(b·x²)
struct ExpNormalized {
  double gamma = 1, shift = -1;
  bool do_clip = false;
};                ///< √(qq')·exp(γ(cos + shift))
struct Gabor {};  ///< exp(-x²)·sin(x)
struct Monomial {
  int degree = 1;
};  ///< x^degree
struct RectifiedMonomial {
  int degree = 1;
};  ///< max(x,0)^degree, a step for degree 0
struct Polynomial {
  std::vector<double> coef;
};  ///< Σ coef[k]·x^k
struct Hermite {
  int degree = 1;
};  ///< He_degree(x)/√(degree!), for inputs of unit variance
enum class NumericalFunction { tanh, sigmoid, softplus, swish, elu, selu, mish };
/// A function without a closed form. `points` per axis of a Gauss–Hermite rule, or `automatic`.
struct Numerical {
  static constexpr int automatic = 0;
  NumericalFunction fn = NumericalFunction::tanh;
  int points = 25;
};

using Activation =
    std::variant<AbRelu, Erf, Gelu, Sin, Cos, Rbf, Sign, Exp, Gaussian, ExpNormalized, Gabor,
                 Monomial, RectifiedMonomial, Polynomial, Hermite, Numerical>;

struct Layer;
/// Layers applied in order; empty: the identity.
using Sequence = std::vector<Layer>;

/// Fully connected, NTK parametrization: w_std/√fan_in times standard normals, biases b_std times
/// standard normals.
struct Dense {
  double w_std = 1, b_std = 0;
};
/// Where windows reach beyond the positions. `valid`: nowhere. `same`, `circular`: ceil(n/s)
/// windows, as much over the end as over the beginning (or one more); beyond are zeros, or the
/// positions of the other end.
enum class Padding { valid, same, circular };
/// A number for each axis of positions, or one for all of them.
using PerAxis = std::vector<int>;

/// Convolution, weights as in `Dense`; their fan-in counts the whole filter, also where it reaches
/// beyond the positions.
struct Conv {
  enum class Weights {
    shared,
    local,      ///< others at each position
    transposed  ///< shared; the gradient of a convolution of these strides
  };
  Weights weights = Weights::shared;
  PerAxis filter{3}, strides{1};
  Padding padding = Padding::valid;
  double w_std = 1, b_std = 0;
};
/// Over windows of positions; averages divide by the whole window also where it reaches beyond the
/// positions, unless `normalize_edges` (which acts with the padding `same`).
struct Pool {
  enum class Kind { average, sum };
  Kind kind = Kind::average;
  PerAxis window, strides{1};
  Padding padding = Padding::valid;
  bool normalize_edges = false;
};
/// Over all positions, which are gone after it.
struct GlobalPool {
  Pool::Kind kind = Pool::Kind::average;
};
struct Flatten {};  ///< positions joined to channels
struct LayerNorm {
  enum class Axes { channel, all };
  Axes axes = Axes::channel;
  double eps = 1e-12;
};
struct Dropout {
  enum class Mode { train, test };
  double rate = 0.5;  ///< probability to *keep* an entry
  Mode mode = Mode::train;
};
/// Self-attention over all positions with infinitely many heads (Hron et al. 2020). With
/// `linear_scaling`, the scores are divided by the width and query and key weights are tied; else by
/// its root, with independent weights, for which only the identity has a closed form.
struct Attention {
  enum class Mechanism { softmax, identity, abs, relu };
  enum class Embedding { none, sum, concat };
  /// Correlation of the embeddings of positions p and q: exp(-(|p-q|_p_norm / length)²).
  struct Decay {
    double length = 1, p_norm = 2;
  };
  bool linear_scaling = true;
  double w_key_std = 1, w_query_std = 1, w_value_std = 1, w_out_std = 1, b_std = 0;
  Mechanism mechanism = Mechanism::softmax;
  Embedding embedding = Embedding::none;
  double w_pos_emb_std = 1;
  std::optional<int> n_chan_pos_emb;  ///< of a concatenated embedding; none: as many as the input's
  std::optional<Decay> decay;         ///< none: positions are uncorrelated
  bool val_pos_emb = false;           ///< the values see the embedding too
};
/// z'[head] = Σ_tail pattern[tail, head]·z[tail].
struct Aggregate {
  std::string pattern;  ///< its name among the patterns of the data
};
/// Elman network, shared weights: h_t = w_std/√n·W φ(h_{t-1}) + u_std/√d·U x_t + b_std·b, φ(h_0) = 0;
/// gives φ(h_t).
struct Rnn {
  enum class Return { last, sequence };
  Activation activation = Erf{};
  std::string activation_name = "erf";  ///< for people
  double w_std = 1, u_std = 1, b_std = 0;
  Return returns = Return::last;
};
struct Residual {
  Sequence layers;
};  ///< x + f(x)
struct Sum {
  std::vector<Sequence> branches;
};
struct Product {
  std::vector<Sequence> branches;
};
struct Concat {
  std::vector<Sequence> branches;
};  ///< along channels
struct Repeat {
  int times = 1;
  Sequence layers;
};

/// One layer, with its name and the line of the input file it stands on (0: made by a program).
struct Layer {
  std::variant<Dense, Activation, LayerNorm, Dropout, Residual, Sum, Product, Concat, Repeat, Conv,
               Pool, GlobalPool, Flatten, Attention, Aggregate, Rnn>
      kind;
  std::string name;
  int line = 0;
};

}  // namespace widelimit::network
