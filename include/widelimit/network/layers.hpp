/// \file
/// The layers of a network as plain data: what an input file says, checked, without how it is
/// computed.
#pragma once

#include <numbers>
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
  std::variant<Dense, Activation, LayerNorm, Dropout, Residual, Sum, Product, Concat, Repeat> kind;
  std::string name;
  int line = 0;
};

}  // namespace widelimit::network
