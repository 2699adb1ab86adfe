/// \file
/// The forward pass of a network of finite width for one data point, layer by layer as the input
/// language defines them, with the weights of a program in the order of their declaration.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "widelimit/network/shapes.hpp"
#include "widelimit/program/activations.hpp"
#include "widelimit/program/training.hpp"

#include "reference/plain_program.hpp"

namespace widelimit::reference {

class LiteralNetwork {
 public:
  using Vector = std::vector<double>;

  /// One point: the channels at each position, in parts of the width where a `concat` or a
  /// `flatten` joins them.
  struct State {
    bool raw = true;
    network::Positions positions;
    std::vector<std::vector<Vector>> parts;  ///< [part][position][channel]
  };

  std::map<std::string, Array> patterns;  ///< [T, T] of this point
  /// The embedding of position t is the sum over s of this times the weights of position s.
  std::function<double(Index t, Index s)> mixing_of_embeddings = [](Index t, Index s) {
    return t == s ? 1.0 : 0.0;
  };

  /// Gaussian numbers behind the masks of `dropout`, of all points side by side; empty: no masks.
  std::vector<Array const*> noise;
  Index point = 0;  ///< which of them this is

  LiteralNetwork(program::Program const& program, PlainProgram const& values, Index n) : n_(n) {
    for (auto const& initial : program.initials)
      if (std::holds_alternative<program::GaussianMatrix>(initial.content) ||
          std::holds_alternative<program::GaussianVector>(initial.content))
        weights_.push_back(&values.at(initial.value));
  }

  /// The outputs for one point.
  Vector operator()(network::Sequence const& layers, State x) {
    next_ = next_noise_ = 0;
    x = walk({layers.begin(), layers.end() - 1}, x);
    Vector f;
    for (auto const& part : x.parts) {
      auto const& v = weight();
      f.resize(static_cast<std::size_t>(v.columns), 0);
      for (Index k = 0; k < v.columns; ++k)
        for (Index r = 0; r < n_; ++r)
          f[static_cast<std::size_t>(k)] +=
              v(r, k) * part.at(0)[static_cast<std::size_t>(r)] / static_cast<double>(n_);
    }
    return f;
  }

 private:
  Array const& weight() { return *weights_.at(next_++); }

  State walk(network::Sequence const& layers, State x) {
    for (auto const& layer : layers)
      x = std::visit([&](auto const& kind) { return apply(kind, x); }, layer.kind);
    return x;
  }

  static Vector times(Array const& w, Vector const& x) {
    Vector y(static_cast<std::size_t>(w.rows), 0);
    for (Index r = 0; r < w.rows; ++r)
      for (Index c = 0; c < w.columns; ++c)
        y[static_cast<std::size_t>(r)] += w(r, c) * x[static_cast<std::size_t>(c)];
    return y;
  }
  static void add(Vector& y, Vector const& x, double factor = 1) {
    if (y.empty()) y.resize(x.size(), 0);
    for (std::size_t k = 0; k < x.size(); ++k) y[k] += factor * x[k];
  }
  static Index flat(network::Positions const& sizes, std::vector<Index> const& p) {
    Index result = 0;
    for (std::size_t k = 0; k < sizes.size(); ++k) result = result * sizes[k] + p[k];
    return result;
  }
  static std::vector<Index> unflat(network::Positions const& sizes, Index index) {
    std::vector<Index> p(sizes.size());
    for (std::size_t k = sizes.size(); k-- > 0; index /= sizes[k]) p[k] = index % sizes[k];
    return p;
  }
  static Index count(network::Positions const& sizes) {
    Index result = 1;
    for (Index const s : sizes) result *= s;
    return result;
  }

  void add_bias(std::vector<Vector>& h, double b_std) {
    if (b_std == 0) return;
    auto const& b = weight();
    for (auto& v : h)
      for (Index r = 0; r < n_; ++r) v[static_cast<std::size_t>(r)] += b(r, 0);
  }

  State dense(State const& x, double b_std) {
    std::vector<Vector> h(x.parts[0].size());
    for (auto const& part : x.parts) {
      auto const& w = weight();
      for (std::size_t p = 0; p < h.size(); ++p) add(h[p], times(w, part[p]));
    }
    add_bias(h, b_std);
    return {false, x.positions, {h}};
  }

  State apply(network::Dense const& l, State const& x) { return dense(x, l.b_std); }

  State apply(network::Activation const& l, State x) {
    auto const phi = program::expression_of(l);
    for (auto& part : x.parts)
      for (auto& v : part)
        for (double& entry : v) entry = phi.evaluate(std::vector<double>{entry});
    return x;
  }

  State apply(network::LayerNorm const& l, State x) {
    auto const positions = x.parts[0].size();
    double all = 0;
    std::vector<double> means, variances;
    for (std::size_t p = 0; p < positions; ++p) {
      double sum = 0, square = 0, size = 0;
      for (auto const& part : x.parts)
        for (double const entry : part[p]) {
          sum += entry;
          size += 1;
        }
      means.push_back(sum / size);
      for (auto const& part : x.parts)
        for (double const entry : part[p]) square += entry * entry;
      variances.push_back(square / size);  // of what, the next loop says
    }
    double mean_of_all = 0;
    for (double const m : means) mean_of_all += m / static_cast<double>(positions);
    bool const together = l.axes == network::LayerNorm::Axes::all;
    for (std::size_t p = 0; p < positions; ++p) {
      double const mean = together ? mean_of_all : means[p];
      variances[p] += mean * mean - 2 * mean * means[p];
      all += variances[p] / static_cast<double>(positions);
    }
    for (auto& part : x.parts)
      for (std::size_t p = 0; p < positions; ++p)
        for (double& entry : part[p])
          entry = (entry - (together ? mean_of_all : means[p])) /
                  std::sqrt((together ? all : variances[p]) + l.eps);
    return x;
  }

  State apply(network::Dropout const& l, State x) {
    if (noise.empty()) return x;
    for (auto& part : x.parts) {
      auto const& g = *noise.at(next_noise_++);
      for (std::size_t p = 0; p < part.size(); ++p)
        for (std::size_t r = 0; r < part[p].size(); ++r) {
          double const number = g(static_cast<Index>(r),
                                  point * static_cast<Index>(part.size()) + static_cast<Index>(p));
          bool const stays = std::erfc(-number / std::sqrt(2.0)) / 2 < l.rate;
          part[p][r] *= stays ? 1 / l.rate : 0;
        }
    }
    return x;
  }
  State apply(network::Residual const& l, State const& x) {
    auto y = walk(l.layers, x);
    for (std::size_t k = 0; k < y.parts.size(); ++k)
      for (std::size_t p = 0; p < y.parts[k].size(); ++p) add(y.parts[k][p], x.parts[k][p]);
    return y;
  }
  State apply(network::Sum const& l, State const& x) {
    auto y = walk(l.branches[0], x);
    for (std::size_t b = 1; b < l.branches.size(); ++b) {
      auto const other = walk(l.branches[b], x);
      for (std::size_t p = 0; p < y.parts[0].size(); ++p) add(y.parts[0][p], other.parts[0][p]);
    }
    return y;
  }
  State apply(network::Product const& l, State const& x) {
    auto y = walk(l.branches[0], x);
    for (std::size_t b = 1; b < l.branches.size(); ++b) {
      auto const other = walk(l.branches[b], x);
      for (std::size_t p = 0; p < y.parts[0].size(); ++p)
        for (std::size_t r = 0; r < y.parts[0][p].size(); ++r)
          y.parts[0][p][r] *= other.parts[0][p][r];
    }
    return y;
  }
  State apply(network::Concat const& l, State const& x) {
    State y{false, x.positions, {}};
    for (auto const& branch : l.branches)
      for (auto const& part : walk(branch, x).parts) y.parts.push_back(part);
    return y;
  }
  State apply(network::Repeat const& l, State x) {
    for (int k = 0; k < l.times; ++k) x = walk(l.layers, x);
    return x;
  }

  /// Weights of its own for each window, place in it and part, where the window reaches positions.
  State local_convolution(network::Conv const& l, State const& x) {
    network::Positions out, size;
    for (std::size_t k = 0; k < x.positions.size(); ++k) {
      size.push_back(network::of_axis(l.filter, k));
      out.push_back(
          network::axis_windows(x.positions[k], size[k], network::of_axis(l.strides, k), l.padding)
              .count);
    }
    std::vector<Vector> h(static_cast<std::size_t>(count(out)),
                          Vector(static_cast<std::size_t>(n_), 0));
    for (Index o = 0; o < count(out); ++o)
      for (Index j = 0; j < count(size); ++j) {
        auto const q = unflat(out, o), offset = unflat(size, j);
        std::vector<Index> p(q.size());
        bool inside = true;
        for (std::size_t k = 0; k < p.size(); ++k) {
          Index const stride = network::of_axis(l.strides, k), n = x.positions[k];
          p[k] = q[k] * stride + offset[k] -
                 network::axis_windows(n, size[k], stride, l.padding).before;
          if (l.padding == network::Padding::circular) p[k] = (p[k] % n + n) % n;
          inside = inside && p[k] >= 0 && p[k] < n;
        }
        if (!inside) continue;
        for (auto const& part : x.parts)
          add(h[static_cast<std::size_t>(o)],
              times(weight(), part[static_cast<std::size_t>(flat(x.positions, p))]));
      }
    if (l.b_std != 0) {
      auto const& b = weight();
      for (Index o = 0; o < count(out); ++o)
        for (Index r = 0; r < n_; ++r)
          h[static_cast<std::size_t>(o)][static_cast<std::size_t>(r)] += b(r, o);
    }
    return {false, out, {h}};
  }

  State apply(network::Conv const& l, State const& x) {
    if (l.weights == network::Conv::Weights::local) return local_convolution(l, x);
    bool const transposed = l.weights == network::Conv::Weights::transposed;
    bool const circular = l.padding == network::Padding::circular;
    network::Positions out, size;
    std::vector<Index> before, stride;
    for (std::size_t k = 0; k < x.positions.size(); ++k) {
      size.push_back(network::of_axis(l.filter, k));
      stride.push_back(network::of_axis(l.strides, k));
      auto const windows =
          transposed ? network::transposed_windows(x.positions[k], size[k], stride[k], l.padding)
                     : network::axis_windows(x.positions[k], size[k], stride[k], l.padding);
      out.push_back(windows.count);
      before.push_back(windows.before);
    }
    std::vector<Vector> h(static_cast<std::size_t>(count(out)),
                          Vector(static_cast<std::size_t>(n_), 0));
    for (Index j = 0; j < count(size); ++j)
      for (auto const& part : x.parts) {
        auto const& w = weight();
        auto const offset = unflat(size, j);
        for (Index i = 0; i < count(x.positions); ++i)
          for (Index o = 0; o < count(out); ++o) {
            auto const p = unflat(x.positions, i), q = unflat(out, o);
            bool meets = true;
            for (std::size_t k = 0; k < p.size(); ++k) {
              Index const reach = transposed ? p[k] * stride[k] + before[k] - offset[k] - q[k]
                                             : q[k] * stride[k] - before[k] + offset[k] - p[k];
              Index const around = transposed ? out[k] : x.positions[k];
              meets = meets && (reach == 0 || (circular && reach % around == 0));
            }
            if (meets)
              add(h[static_cast<std::size_t>(o)], times(w, part[static_cast<std::size_t>(i)]));
          }
      }
    add_bias(h, l.b_std);
    return {false, out, {h}};
  }

  State apply(network::Pool const& l, State const& x) {
    network::Positions out;
    std::vector<Index> before, size, stride;
    for (std::size_t k = 0; k < x.positions.size(); ++k) {
      size.push_back(network::of_axis(l.window, k));
      stride.push_back(network::of_axis(l.strides, k));
      auto const windows = network::axis_windows(x.positions[k], size[k], stride[k], l.padding);
      out.push_back(windows.count);
      before.push_back(windows.before);
    }
    State y{x.raw, out, {}};
    for (auto const& part : x.parts) {
      std::vector<Vector> pooled;
      for (Index o = 0; o < count(out); ++o) {
        auto const q = unflat(out, o);
        Vector sum(part[0].size(), 0);
        double members = 0;
        for (Index i = 0; i < count(x.positions); ++i) {
          auto const p = unflat(x.positions, i);
          bool inside = true;
          for (std::size_t k = 0; k < p.size(); ++k) {
            Index const j = p[k] - q[k] * stride[k] + before[k];
            inside = inside && j >= 0 && j < size[k];
          }
          if (!inside) continue;
          add(sum, part[static_cast<std::size_t>(i)]);
          members += 1;
        }
        double const whole = static_cast<double>(count(size));
        if (l.kind == network::Pool::Kind::average)
          for (double& entry : sum) entry /= l.normalize_edges ? members : whole;
        pooled.push_back(sum);
      }
      y.parts.push_back(pooled);
    }
    return y;
  }

  State apply(network::GlobalPool const& l, State const& x) {
    State y{x.raw, {}, {}};
    for (auto const& part : x.parts) {
      Vector sum;
      for (auto const& v : part)
        add(sum, v,
            l.kind == network::Pool::Kind::average ? 1 / static_cast<double>(part.size()) : 1);
      y.parts.push_back({sum});
    }
    return y;
  }

  State apply(network::Flatten const&, State const& x) {
    State y{false, {}, {}};
    for (auto const& part : x.parts)
      for (auto const& v : part) y.parts.push_back({v});
    return y;
  }

  State apply(network::Attention const& l, State const& x) {
    using enum network::Attention::Embedding;
    State seen = x;
    for (std::size_t part = 0; part < x.parts.size() && l.embedding != none; ++part) {
      auto const& e = weight();
      if (l.embedding == concat) seen.parts.push_back(x.parts[part]);
      auto& to = l.embedding == concat ? seen.parts.back() : seen.parts[part];
      for (std::size_t t = 0; t < to.size(); ++t)
        for (Index r = 0; r < n_; ++r) {
          double& entry = to[t][static_cast<std::size_t>(r)];
          if (l.embedding == concat) entry = 0;
          for (Index s = 0; s < e.columns; ++s)
            entry += mixing_of_embeddings(static_cast<Index>(t), s) * e(r, s);
        }
    }
    auto const keys = dense(seen, 0).parts[0];
    auto const values = dense(l.val_pos_emb ? seen : x, 0).parts[0];
    auto const& out = weight();
    auto const& z = x.parts[0];
    std::vector<Vector> h;
    for (std::size_t t = 0; t < z.size(); ++t) {
      std::vector<double> scores;
      double total = 0;
      for (std::size_t s = 0; s < z.size(); ++s) {
        double score = 0;
        for (std::size_t r = 0; r < keys[s].size(); ++r)
          score += keys[t][r] * keys[s][r] / static_cast<double>(n_);
        score *= l.w_key_std * l.w_query_std;
        using enum network::Attention::Mechanism;
        if (l.mechanism == softmax) score = std::exp(score);
        if (l.mechanism == abs) score = std::fabs(score);
        if (l.mechanism == relu) score = std::fmax(score, 0);
        scores.push_back(score);
        total += score;
      }
      Vector mixed;
      bool const normalised = l.mechanism == network::Attention::Mechanism::softmax;
      for (std::size_t s = 0; s < z.size(); ++s)
        add(mixed, values[s], normalised ? scores[s] / total : scores[s]);
      h.push_back(times(out, mixed));
    }
    add_bias(h, l.b_std);
    return {false, x.positions, {h}};
  }

  State apply(network::Aggregate const& l, State const& x) {
    auto const& a = patterns.at(l.pattern);
    State y{x.raw, x.positions, {}};
    for (auto const& part : x.parts) {
      std::vector<Vector> heads(part.size());
      for (std::size_t head = 0; head < part.size(); ++head)
        for (std::size_t tail = 0; tail < part.size(); ++tail)
          add(heads[head], part[tail], a(static_cast<Index>(tail), static_cast<Index>(head)));
      y.parts.push_back(heads);
    }
    return y;
  }

  State apply(network::Rnn const& l, State const& x) {
    auto const phi = program::expression_of(l.activation);
    auto inputs = dense(x, l.b_std).parts[0];
    auto const& w = weight();
    for (std::size_t t = 0; t < inputs.size(); ++t) {
      if (t > 0) add(inputs[t], times(w, inputs[t - 1]));
      for (double& entry : inputs[t]) entry = phi.evaluate(std::vector<double>{entry});
    }
    if (l.returns == network::Rnn::Return::last) return {false, {}, {{inputs.back()}}};
    return {false, x.positions, {inputs}};
  }

  Index n_;
  std::vector<Array const*> weights_;
  std::size_t next_ = 0, next_noise_ = 0;
};

}  // namespace widelimit::reference
