/// \file
/// A network applied to whole matrices K and Θ layer by layer, straight from the definition of each
/// layer, for vectors, sequences and images, with all pairs of positions of all pairs of points and
/// plain loops over them: the slow, obvious twin of the compiled Gram evaluation.
#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "widelimit/network/layers.hpp"

#include "reference/dual_closed_form.hpp"
#include "reference/windows.hpp"

namespace widelimit::reference {

/// Graphs of one name: [n][T][T], row-major.
using Patterns = std::map<std::string, std::vector<double>>;

/// What is known of n points between two layers. Row and column i·P + p of the matrices are
/// position p of point i, P = height·width; sequences have width 1, vectors one position.
struct Kernels {
  int n = 0;
  std::vector<Quad> nngp, ntk;  ///< nP x nP, row-major
  double width = 1;             ///< channels, in widths of a weight layer
  Axes axes;
  std::vector<int> lengths;  ///< the first positions of each point that count
  double raw_channels = 0;   ///< of raw inputs; 0 after a weight layer
  Patterns patterns;

  int positions() const { return axes.height * axes.width; }
  int size() const { return n * positions(); }
  bool counts(int point, int position) const { return position < lengths[point] * axes.width; }
};

/// K = x·x'/channels and Θ = 0 of points with positions, row-major [n, height, width, channels].
/// \param lengths  of sequences; empty: all are whole
inline Kernels input_kernels(std::vector<double> const& x, int n, Axes axes, int channels,
                             std::vector<int> lengths, Patterns patterns) {
  Kernels result;
  result.n = n;
  result.axes = axes;
  result.raw_channels = channels;
  result.lengths = lengths.empty() ? std::vector<int>(n, axes.height) : std::move(lengths);
  result.patterns = std::move(patterns);
  int const size = result.size(), p = result.positions();
  result.nngp.assign(size * size, 0);
  result.ntk.assign(size * size, 0);
  for (int a = 0; a < size; ++a) {
    for (int b = 0; b < size; ++b) {
      if (!result.counts(a / p, a % p) || !result.counts(b / p, b % p)) continue;
      for (int m = 0; m < channels; ++m)
        result.nngp[a * size + b] +=
            static_cast<Quad>(x[a * channels + m]) * x[b * channels + m] / channels;
    }
  }
  return result;
}

/// K = x·x'/d of n vectors, row-major n x d, and Θ = 0.
inline Kernels input_kernels(std::vector<double> const& x, int n, int d) {
  return input_kernels(x, n, Axes{}, d, {}, {});
}

class NetworkInterpreter {
 public:
  NetworkInterpreter() = default;
  /// \param after_layer  may change what each layer leaves
  explicit NetworkInterpreter(std::function<void(Kernels&)> after_layer)
      : after_layer_(std::move(after_layer)) {}

  Kernels operator()(network::Sequence const& layers, Kernels in) const {
    for (network::Layer const& layer : layers) {
      in = std::visit([&](auto const& kind) { return apply(kind, in); }, layer.kind);
      mask(in);
      if (after_layer_) after_layer_(in);
    }
    return in;
  }

 private:
  /// Positions that do not count are zero after every layer, whatever its biases.
  static void mask(Kernels& k) {
    int const p = k.positions();
    for_each_entry(k, [&](int a, int b) {
      if (k.counts(a / p, a % p) && k.counts(b / p, b % p)) return;
      k.nngp[a * k.size() + b] = 0;
      k.ntk[a * k.size() + b] = 0;
    });
  }

  template <class Visit>
  static void for_each_entry(Kernels const& k, Visit const& visit) {
    for (int a = 0; a < k.size(); ++a) {
      for (int b = 0; b < k.size(); ++b) visit(a, b);
    }
  }

  static Quad square(double x) { return static_cast<Quad>(x) * x; }

  static Quad& at(std::vector<Quad>& m, Kernels const& k, int a, int b) {
    return m[a * k.size() + b];
  }
  static Quad at(std::vector<Quad> const& m, Kernels const& k, int a, int b) {
    return m[a * k.size() + b];
  }

  // Weight layers.

  /// K' = w²·K + b², Θ' = K' + w²·Θ, where K and Θ are already means over the fan-in.
  static Kernels weights(double w_std, double b_std, Kernels in) {
    for (std::size_t k = 0; k < in.nngp.size(); ++k) {
      in.nngp[k] = square(w_std) * in.nngp[k] + square(b_std);
      in.ntk[k] = square(w_std) * in.ntk[k] + in.nngp[k];
    }
    in.width = 1;
    in.raw_channels = 0;
    return in;
  }

  static Kernels apply(network::Dense const& dense, Kernels const& in) {
    return weights(dense.w_std, dense.b_std, in);
  }

  static Kernels apply(network::Conv const& conv, Kernels const& in) {
    if (conv.weights == network::Conv::Weights::transposed) return transposed(conv, in);
    Windows const windows(in.axes, conv.filter, conv.strides, conv.padding);
    Kernels out = in;
    out.axes = windows.after();
    for (int& length : out.lengths) length = windows.count(length);
    out.nngp.assign(out.size() * out.size(), 0);
    out.ntk.assign(out.size() * out.size(), 0);
    int const p = in.positions(), p_out = out.positions();
    for_each_entry(out, [&](int a, int b) {
      for (int j = 0; j < windows.size(); ++j) {
        int const from = windows.source(a % p_out, j), from_col = windows.source(b % p_out, j);
        if (from < 0 || from_col < 0) continue;
        int const row = a / p_out * p + from, col = b / p_out * p + from_col;
        at(out.nngp, out, a, b) += at(in.nngp, in, row, col) / windows.size();
        at(out.ntk, out, a, b) += at(in.ntk, in, row, col) / windows.size();
      }
    });
    out = weights(conv.w_std, conv.b_std, out);
    if (conv.weights == network::Conv::Weights::local)
      for_each_entry(out, [&](int a, int b) {
        if (a % p_out == b % p_out) return;
        at(out.nngp, out, a, b) = 0;
        at(out.ntk, out, a, b) = 0;
      });
    return out;
  }

  static Kernels transposed(network::Conv const& conv, Kernels const& in) {
    Spread const spread(in.axes, conv.filter, conv.strides, conv.padding);
    Kernels out = in;
    out.axes = spread.after();
    for (int& length : out.lengths) length = spread.count(length);
    out.nngp.assign(out.size() * out.size(), 0);
    out.ntk.assign(out.size() * out.size(), 0);
    int const p = in.positions(), p_out = out.positions();
    // All places that a weight carries an input to; the same weight for both points.
    for_each_entry(in, [&](int a, int b) {
      for (int j = 0; j < spread.size(); ++j) {
        int const to = spread.target(a % p, j), to_col = spread.target(b % p, j);
        if (to < 0 || to_col < 0) continue;
        int const row = a / p * p_out + to, col = b / p * p_out + to_col;
        at(out.nngp, out, row, col) += at(in.nngp, in, a, b) / spread.size();
        at(out.ntk, out, row, col) += at(in.ntk, in, a, b) / spread.size();
      }
    });
    return weights(conv.w_std, conv.b_std, out);
  }

  // Layers that mix positions by fixed numbers: z'[o] = Σ_p A[o, p]·z[p].

  /// A of each point, [outputs, positions].
  using Mixing = std::vector<std::vector<Quad>>;

  static void mix(std::vector<Quad>& to, Kernels const& out, std::vector<Quad> const& from,
                  Kernels const& in, Mixing const& mixing) {
    int const p = in.positions(), p_out = out.positions();
    to.assign(out.size() * out.size(), 0);
    for_each_entry(out, [&](int a, int b) {
      int const i = a / p_out, j = b / p_out;
      for (int s = 0; s < p; ++s) {
        Quad const weight = mixing[i][a % p_out * p + s];
        if (weight == 0) continue;
        for (int t = 0; t < p; ++t) {
          Quad const weight_col = mixing[j][b % p_out * p + t];
          if (weight_col == 0) continue;
          at(to, out, a, b) += weight * weight_col * at(from, in, i * p + s, j * p + t);
        }
      }
    });
  }

  static Kernels mixed(Kernels const& in, Kernels out, Mixing const& mixing) {
    mix(out.nngp, out, in.nngp, in, mixing);
    mix(out.ntk, out, in.ntk, in, mixing);
    return out;
  }

  static Kernels apply(network::Pool const& pool, Kernels const& in) {
    Windows const windows(in.axes, pool.window, pool.strides, pool.padding);
    Kernels out = in;
    out.axes = windows.after();
    for (int& length : out.lengths) length = windows.count(length);
    int const p = in.positions(), p_out = out.positions();
    Mixing mixing(in.n, std::vector<Quad>(p_out * p, 0));
    for (int i = 0; i < in.n; ++i) {
      for (int o = 0; o < p_out; ++o) {
        int inside = 0;
        for (int j = 0; j < windows.size(); ++j) {
          int const from = windows.source(o, j);
          if (from >= 0 && in.counts(i, from)) ++inside;
        }
        bool const normalize = pool.normalize_edges && pool.padding == network::Padding::same;
        int divisor = normalize ? inside : windows.size();
        if (pool.kind == network::Pool::Kind::sum) divisor = 1;
        if (divisor == 0) continue;  // does not count
        for (int j = 0; j < windows.size(); ++j) {
          int const from = windows.source(o, j);
          if (from >= 0) mixing[i][o * p + from] += Quad(1) / divisor;
        }
      }
    }
    return mixed(in, out, mixing);
  }

  static Kernels without_positions(Kernels const& in) {
    Kernels out = in;
    out.axes = {};
    out.lengths.assign(in.n, 1);
    return out;
  }

  static Kernels apply(network::GlobalPool const& pool, Kernels const& in) {
    Mixing mixing;
    for (int i = 0; i < in.n; ++i) {
      int const positions = in.lengths[i] * in.axes.width;
      int const divisor = pool.kind == network::Pool::Kind::sum ? 1 : positions;
      mixing.emplace_back(in.positions(), Quad(1) / divisor);
    }
    return mixed(in, without_positions(in), mixing);
  }

  static Kernels apply(network::Aggregate const& aggregate, Kernels const& in) {
    auto const& pattern = in.patterns.at(aggregate.pattern);
    int const p = in.positions();
    Mixing mixing(in.n, std::vector<Quad>(p * p, 0));
    for (int i = 0; i < in.n; ++i) {
      for (int head = 0; head < p; ++head) {
        for (int tail = 0; tail < p; ++tail)
          mixing[i][head * p + tail] = pattern[(i * p + tail) * p + head];
      }
    }
    return mixed(in, in, mixing);
  }

  static Kernels apply(network::Flatten const&, Kernels const& in) {
    Kernels out = without_positions(in);
    int const p = in.positions();
    out.width = in.width * p;
    out.raw_channels = in.raw_channels * p;
    out.nngp.assign(in.n * in.n, 0);
    out.ntk.assign(in.n * in.n, 0);
    for_each_entry(out, [&](int i, int j) {
      for (int s = 0; s < p; ++s) {
        at(out.nngp, out, i, j) += at(in.nngp, in, i * p + s, j * p + s) / p;
        at(out.ntk, out, i, j) += at(in.ntk, in, i * p + s, j * p + s) / p;
      }
    });
    return out;
  }

  // Attention.

  /// A part of the kernel of two points: all pairs of their positions.
  static std::vector<Quad> block(std::vector<Quad> const& m, Kernels const& k, int i, int j) {
    int const p = k.positions();
    std::vector<Quad> result;
    for (int s = 0; s < p; ++s) {
      for (int t = 0; t < p; ++t) result.push_back(at(m, k, i * p + s, j * p + t));
    }
    return result;
  }

  static Quad correlation(network::Attention const& attention, Axes axes, int s, int t) {
    if (!attention.decay) return s == t ? 1 : 0;
    double const p = attention.decay->p_norm;
    double const rows = std::abs(s / axes.width - t / axes.width);
    double const cols = std::abs(s % axes.width - t % axes.width);
    double const distance = std::pow(std::pow(rows, p) + std::pow(cols, p), 1 / p);
    return std::exp(-std::pow(distance / attention.decay->length, 2));
  }

  static std::vector<Quad> scores_to_weights(network::Attention const& attention,
                                             std::vector<Quad> scores, Kernels const& k,
                                             int point) {
    using enum network::Attention::Mechanism;
    int const p = k.positions();
    for (int s = 0; s < p; ++s) {
      Quad total = 0;
      for (int t = 0; t < p; ++t) {
        Quad& score = scores[s * p + t];
        if (!k.counts(point, t)) {
          score = 0;
          continue;
        }
        if (attention.mechanism == abs) score = quad_abs(score);
        if (attention.mechanism == relu && score < 0) score = 0;
        if (attention.mechanism == softmax) score = quad_exp(score);
        total += score;
      }
      if (attention.mechanism != softmax) continue;
      for (int t = 0; t < p; ++t) scores[s * p + t] /= total;
    }
    return scores;
  }

  static Kernels apply(network::Attention const& attention, Kernels const& in) {
    using Embedding = network::Attention::Embedding;
    int const p = in.positions();
    Quad alpha = 1, beta = 0;
    if (attention.embedding == Embedding::sum) beta = square(attention.w_pos_emb_std);
    if (attention.embedding == Embedding::concat) {
      alpha = Quad(1) / 2;
      if (attention.n_chan_pos_emb)
        alpha = in.raw_channels / static_cast<Quad>(in.raw_channels + *attention.n_chan_pos_emb);
      beta = (1 - alpha) * square(attention.w_pos_emb_std);
    }
    Kernels embedded = in;
    for_each_entry(in, [&](int a, int b) {
      Quad const r = beta * correlation(attention, in.axes, a % p, b % p);
      at(embedded.nngp, in, a, b) = alpha * at(in.nngp, in, a, b) + r;
      at(embedded.ntk, in, a, b) = alpha * at(in.ntk, in, a, b) + r;
    });
    mask(embedded);
    Kernels const& values = attention.val_pos_emb ? embedded : in;
    Kernels out = attention.linear_scaling ? linear_attention(attention, embedded, values)
                                           : square_root_attention(attention, embedded, values);
    out.width = 1;
    out.raw_channels = 0;
    return out;
  }

  static Kernels linear_attention(network::Attention const& attention, Kernels const& embedded,
                                  Kernels const& values) {
    int const p = embedded.positions();
    Quad const key_query = static_cast<Quad>(attention.w_key_std) * attention.w_query_std;
    Mixing weights;
    for (int i = 0; i < embedded.n; ++i) {
      auto scores = block(embedded.nngp, embedded, i, i);
      for (Quad& score : scores) score *= key_query;
      weights.push_back(scores_to_weights(attention, scores, embedded, i));
    }
    Kernels out = mixed(values, values, weights);
    Quad const scale = square(attention.w_out_std) * square(attention.w_value_std);
    for (int k = 0; k < out.n * p * out.n * p; ++k) {
      Quad const kernel = scale * out.nngp[k];
      out.nngp[k] = kernel + square(attention.b_std);
      out.ntk[k] = scale * out.ntk[k] + 2 * kernel + square(attention.b_std);
    }
    return out;
  }

  static Kernels square_root_attention(network::Attention const& attention, Kernels const& embedded,
                                       Kernels const& values) {
    int const p = embedded.positions();
    Quad const s = square(attention.w_key_std) * square(attention.w_query_std);
    Quad const scale = s * square(attention.w_out_std) * square(attention.w_value_std);
    Quad const bias = square(attention.b_std);
    Kernels out = values;
    auto const inner = [](std::vector<Quad> const& a, std::vector<Quad> const& b) {
      Quad sum = 0;
      for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
      return sum;
    };
    for (int i = 0; i < out.n; ++i) {
      for (int j = 0; j < out.n; ++j) {
        auto const k = block(embedded.nngp, embedded, i, j);
        auto const t = block(embedded.ntk, embedded, i, j);
        auto const v = block(values.nngp, values, i, j), t_v = block(values.ntk, values, i, j);
        Quad const a = inner(k, v), da = inner(t, v) + inner(k, t_v);
        for (int m = 0; m < p * p; ++m) {
          Quad const kernel = scale * a * k[m];
          int const row = i * p + m / p, col = j * p + m % p;
          at(out.nngp, out, row, col) = kernel + bias;
          at(out.ntk, out, row, col) = scale * (da * k[m] + a * t[m]) + 4 * kernel + bias;
        }
      }
    }
    return out;
  }

  // Recurrent network.

  static Kernels apply(network::Rnn const& rnn, Kernels const& in) {
    int const p = in.positions();
    Quad const w2 = square(rnn.w_std), u2 = square(rnn.u_std);
    Kernels sigma = in, phi = in, slope = in;
    // The steps of a point with itself first: the others need its variances.
    auto const step = [&](int i, int j, int s, int t) {
      int const a = i * p + s, b = j * p + t;
      Quad const before = s > 0 && t > 0 ? at(phi.nngp, in, a - 1, b - 1) : Quad(0);
      at(sigma.nngp, in, a, b) = w2 * before + u2 * at(in.nngp, in, a, b) + square(rnn.b_std);
    };
    auto const dual_of = [&](int a, int b) {
      auto const [value, derivative] =
          dual_at(rnn.activation,
                  {at(sigma.nngp, in, a, a), at(sigma.nngp, in, a, b), at(sigma.nngp, in, b, b)});
      at(phi.nngp, in, a, b) = value;
      at(slope.nngp, in, a, b) = derivative;
    };
    for (bool const same : {true, false}) {
      for (int s = 0; s < p; ++s) {
        for (int i = 0; i < in.n; ++i) {
          if (same) {
            step(i, i, s, s);
            dual_of(i * p + s, i * p + s);
            continue;
          }
          for (int j = 0; j < in.n; ++j) {
            for (int t = 0; t < p; ++t) {
              step(i, j, s, t);
              dual_of(i * p + s, j * p + t);
            }
          }
        }
      }
    }
    Kernels out = phi;
    for_each_entry(in, [&](int a, int b) {
      Quad product = 1, sum = 0;
      for (int k = 0; k <= a % p && k <= b % p; ++k) {
        product *= at(slope.nngp, in, a - k, b - k);
        sum += product * (at(sigma.nngp, in, a - k, b - k) + u2 * at(in.ntk, in, a - k, b - k));
        product *= w2;
      }
      at(out.ntk, in, a, b) = sum;
    });
    out.width = 1;
    out.raw_channels = 0;
    if (rnn.returns == network::Rnn::Return::sequence) return out;
    Mixing last;
    for (int i = 0; i < in.n; ++i) {
      last.emplace_back(p, Quad(0));
      last.back()[in.lengths[i] - 1] = 1;
    }
    return mixed(out, without_positions(out), last);
  }

  // Layers that leave positions alone.

  static KernelValue dual_at(network::Activation const& activation, Covariance const& at) {
    return std::visit([&](auto const& f) { return dual(f, at); }, activation);
  }

  template <class Function>
  static KernelValue dual(Function const& f, Covariance const& at) {
    if constexpr (requires { closed_form(f, at); }) {
      return closed_form(f, at);
    } else {
      throw std::invalid_argument("no closed form");
    }
  }

  static Kernels apply(network::Activation const& activation, Kernels const& in) {
    Kernels out = in;
    int const p = in.positions();
    for_each_entry(in, [&](int a, int b) {
      if (!in.counts(a / p, a % p) || !in.counts(b / p, b % p)) return;
      auto const [value, slope] = dual_at(
          activation, {at(in.nngp, in, a, a), at(in.nngp, in, a, b), at(in.nngp, in, b, b)});
      at(out.nngp, in, a, b) = value;
      at(out.ntk, in, a, b) *= slope;
    });
    return out;
  }

  static Kernels apply(network::LayerNorm const& norm, Kernels const& in) {
    int const p = in.positions();
    std::vector<Quad> variance(in.size());
    for (int i = 0; i < in.n; ++i) {
      int const count = in.lengths[i] * in.axes.width;
      Quad mean = 0;
      for (int s = 0; s < count; ++s) mean += at(in.nngp, in, i * p + s, i * p + s) / count;
      for (int s = 0; s < p; ++s)
        variance[i * p + s] = norm.axes == network::LayerNorm::Axes::all
                                  ? mean
                                  : at(in.nngp, in, i * p + s, i * p + s);
    }
    Kernels out = in;
    for_each_entry(in, [&](int a, int b) {
      if (!in.counts(a / p, a % p) || !in.counts(b / p, b % p)) return;
      Quad const scale = quad_sqrt((variance[a] + norm.eps) * (variance[b] + norm.eps));
      at(out.nngp, in, a, b) /= scale;
      at(out.ntk, in, a, b) /= scale;
    });
    return out;
  }

  static Kernels apply(network::Dropout const& dropout, Kernels in) {
    if (dropout.mode == network::Dropout::Mode::test) return in;
    for (int a = 0; a < in.size(); ++a) {
      at(in.nngp, in, a, a) /= dropout.rate;
      at(in.ntk, in, a, a) /= dropout.rate;
    }
    return in;
  }

  // Branches.

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

  std::function<void(Kernels&)> after_layer_;
};

}  // namespace widelimit::reference
