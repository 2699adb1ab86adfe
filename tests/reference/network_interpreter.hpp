/// \file
/// A network applied to whole matrices K and Θ layer by layer, recursively, straight from the
/// definition of each layer: the obvious twin of the compiled Gram evaluation.
#pragma once

#include <stdexcept>
#include <type_traits>
#include <vector>

#include "widelimit/network/layers.hpp"

#include "reference/dual_closed_form.hpp"

namespace widelimit::reference {

/// Kernels of n points with themselves, row-major, and the channels in widths of a weight layer.
struct Kernels {
  int n = 0;
  std::vector<Quad> nngp, ntk;
  double width = 1;
};

/// K = x·x'/d of n points, row-major n x d, and Θ = 0.
inline Kernels input_kernels(std::vector<double> const& x, int n, int d) {
  Kernels result{n, std::vector<Quad>(n * n, 0), std::vector<Quad>(n * n, 0)};
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      for (int m = 0; m < d; ++m)
        result.nngp[i * n + j] += static_cast<Quad>(x[i * d + m]) * x[j * d + m] / d;
    }
  }
  return result;
}

class NetworkInterpreter {
 public:
  Kernels operator()(network::Sequence const& layers, Kernels in) const {
    for (network::Layer const& layer : layers) {
      in = std::visit([&](auto const& kind) { return apply(kind, in); }, layer.kind);
    }
    return in;
  }

 private:
  static Kernels apply(network::Dense const& dense, Kernels in) {
    Quad const w2 = static_cast<Quad>(dense.w_std) * dense.w_std;
    for (std::size_t k = 0; k < in.nngp.size(); ++k) {
      in.nngp[k] = w2 * in.nngp[k] + static_cast<Quad>(dense.b_std) * dense.b_std;
      in.ntk[k] = w2 * in.ntk[k] + in.nngp[k];
    }
    in.width = 1;
    return in;
  }

  static Kernels apply(network::Activation const& activation, Kernels const& in) {
    Kernels out = in;
    for (int i = 0; i < in.n; ++i) {
      for (int j = 0; j < in.n; ++j) {
        int const at = i * in.n + j;
        Covariance const covariance{in.nngp[i * in.n + i], in.nngp[at], in.nngp[j * in.n + j]};
        auto const [value, slope] =
            std::visit([&](auto const& f) { return dual(f, covariance); }, activation);
        out.nngp[at] = value;
        out.ntk[at] = in.ntk[at] * slope;
      }
    }
    return out;
  }

  template <class Function>
  static KernelValue dual(Function const& f, Covariance const& at) {
    if constexpr (requires { closed_form(f, at); }) {
      return closed_form(f, at);
    } else {
      throw std::invalid_argument("no closed form");
    }
  }

  static Kernels apply(network::LayerNorm const& norm, Kernels const& in) {
    Kernels out = in;
    for (int i = 0; i < in.n; ++i) {
      for (int j = 0; j < in.n; ++j) {
        Quad const scale =
            quad_sqrt((in.nngp[i * in.n + i] + norm.eps) * (in.nngp[j * in.n + j] + norm.eps));
        out.nngp[i * in.n + j] /= scale;
        out.ntk[i * in.n + j] /= scale;
      }
    }
    return out;
  }

  template <class Kind>
  static Kernels apply(Kind const&, Kernels const&) {
    throw std::invalid_argument("a layer of positions");
  }

  static Kernels apply(network::Dropout const& dropout, Kernels in) {
    if (dropout.mode == network::Dropout::Mode::test) return in;
    for (int i = 0; i < in.n; ++i) {
      in.nngp[i * in.n + i] /= dropout.rate;
      in.ntk[i * in.n + i] /= dropout.rate;
    }
    return in;
  }

  Kernels apply(network::Repeat const& repeat, Kernels in) const {
    for (int k = 0; k < repeat.times; ++k) in = (*this)(repeat.layers, in);
    return in;
  }

  Kernels apply(network::Residual const& residual, Kernels const& in) const {
    return sum({in, (*this)(residual.layers, in)}, {1, 1});
  }

  std::vector<Kernels> branches_of(std::vector<network::Sequence> const& branches,
                                   Kernels const& in) const {
    std::vector<Kernels> outs;
    for (auto const& branch : branches) outs.push_back((*this)(branch, in));
    return outs;
  }

  Kernels apply(network::Sum const& layer, Kernels const& in) const {
    auto const outs = branches_of(layer.branches, in);
    return sum(outs, std::vector<Quad>(outs.size(), 1));
  }

  Kernels apply(network::Concat const& layer, Kernels const& in) const {
    auto const outs = branches_of(layer.branches, in);
    double total = 0;
    for (auto const& out : outs) total += out.width;
    std::vector<Quad> shares;
    for (auto const& out : outs) shares.push_back(out.width / static_cast<Quad>(total));
    auto result = sum(outs, shares);
    result.width = total;
    return result;
  }

  /// Θ = Σ_i Θ_i·Π_{j≠i} K_j.
  Kernels apply(network::Product const& layer, Kernels const& in) const {
    auto const outs = branches_of(layer.branches, in);
    Kernels result = outs[0];
    for (std::size_t k = 0; k < result.nngp.size(); ++k) {
      result.nngp[k] = 1;
      result.ntk[k] = 0;
      for (std::size_t i = 0; i < outs.size(); ++i) {
        result.nngp[k] *= outs[i].nngp[k];
        Quad term = outs[i].ntk[k];
        for (std::size_t j = 0; j < outs.size(); ++j) {
          if (j != i) term *= outs[j].nngp[k];
        }
        result.ntk[k] += term;
      }
    }
    return result;
  }

  static Kernels sum(std::vector<Kernels> const& terms, std::vector<Quad> const& weights) {
    Kernels result = terms[0];
    for (std::size_t k = 0; k < result.nngp.size(); ++k) {
      result.nngp[k] = 0;
      result.ntk[k] = 0;
      for (std::size_t b = 0; b < terms.size(); ++b) {
        result.nngp[k] += weights[b] * terms[b].nngp[k];
        result.ntk[k] += weights[b] * terms[b].ntk[k];
      }
    }
    return result;
  }
};

}  // namespace widelimit::reference
