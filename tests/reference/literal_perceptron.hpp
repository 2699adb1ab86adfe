/// \file
/// Training of a perceptron of finite width in an abc-parametrization, as the papers state it: the
/// trained weights are w, the weights that act n^-a·w, the optimizer is PyTorch's.
#pragma once

#include <cmath>
#include <functional>
#include <random>
#include <vector>

#include "widelimit/program/training.hpp"

#include "reference/plain_program.hpp"

namespace widelimit::reference {

/// tanh layers, `depth` of them, then a readout.
class LiteralPerceptron {
 public:
  struct Weight {
    Array w, velocity;
    double factor = 1;      ///< of w in what acts: n^-a times that of the layer
    double rate_power = 1;  ///< n^-c
    double multiplier = 1;
  };

  std::vector<Weight> weights;  ///< U, W …, V (outputs x n), then biases of the hidden layers
  program::Optimizer optimizer;
  program::Loss loss = program::Loss::mse;
  int depth = 1;
  bool biases = false;

  /// \param n  width
  LiteralPerceptron(int hidden, Index n, Index d, Index outputs,
                    std::vector<program::Exponents> const& e, double w_std, double b_std,
                    unsigned seed)
      : depth(hidden), biases(b_std != 0) {
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    auto const size = static_cast<double>(n);
    auto const make = [&](Index rows, Index columns, program::Exponents const& x, double g) {
      Weight weight{Array(rows, columns), Array(rows, columns), g * std::pow(size, -x.a),
                    std::pow(size, -x.c), 1};
      for (double& entry : weight.w.entries) entry = std::pow(size, -x.b) * normal(engine);
      weights.push_back(weight);
    };
    for (int l = 0; l < depth; ++l)
      make(n, l == 0 ? d : n, e[static_cast<std::size_t>(l)],
           l == 0 ? w_std / std::sqrt(static_cast<double>(d)) : w_std);
    make(outputs, n, e.back(), w_std);
    for (int l = 0; biases && l < depth; ++l) make(n, 1, e.front(), b_std);
  }

  /// Activations of all layers: h_1, x_1, …, f. `x` is d x points.
  std::vector<Array> forward(Array const& x) const {
    std::vector<Array> values;
    Array current = x;
    for (int l = 0; l < depth; ++l) {
      Array h = product(weights[static_cast<std::size_t>(l)], current);
      if (biases) {
        auto const& bias = weights[static_cast<std::size_t>(depth + 1 + l)];
        for (Index r = 0; r < h.rows; ++r)
          for (Index c = 0; c < h.columns; ++c) h(r, c) += bias.factor * bias.w(r, 0);
      }
      values.push_back(h);
      for (double& entry : h.entries) entry = std::tanh(entry);
      values.push_back(h);
      current = h;
    }
    values.push_back(product(weights[static_cast<std::size_t>(depth)], current));
    return values;
  }

  /// ∂loss/∂f for targets outputs x points.
  Array chi(Array const& f, Array const& y) const {
    Array result(f.rows, f.columns);
    auto const points = static_cast<double>(f.columns);
    for (Index c = 0; c < f.columns; ++c) {
      double total = 0;
      for (Index r = 0; r < f.rows; ++r) total += std::exp(f(r, c));
      for (Index r = 0; r < f.rows; ++r)
        result(r, c) = (loss == program::Loss::mse ? f(r, c) - y(r, c)
                        : f.rows == 1              ? -y(r, c) / (1 + std::exp(y(r, c) * f(r, c)))
                                                   : std::exp(f(r, c)) / total - y(r, c)) /
                       points;
    }
    return result;
  }

  /// One step of training; returns the outputs before it.
  Array step(Array const& x, Array const& y, double learning_rate) {
    auto const values = forward(x);
    Array const& f = values.back();
    std::vector<Array> gradients(weights.size());
    Array delta = chi(f, y);  // ∂loss/∂(outputs of the layer)
    for (int l = depth; l >= 0; --l) {
      auto const k = static_cast<std::size_t>(l);
      auto& weight = weights[k];
      Array const& below = l == 0 ? x : values[2 * k - 1];
      gradients[k] = Array(weight.w.rows, weight.w.columns);
      for (Index r = 0; r < weight.w.rows; ++r)
        for (Index c = 0; c < weight.w.columns; ++c)
          for (Index p = 0; p < delta.columns; ++p)
            gradients[k](r, c) += weight.factor * delta(r, p) * below(c, p);
      if (biases && l < depth) {
        auto const b = static_cast<std::size_t>(depth + 1 + l);
        gradients[b] = Array(weight.w.rows, 1);
        for (Index r = 0; r < weight.w.rows; ++r)
          for (Index p = 0; p < delta.columns; ++p)
            gradients[b](r, 0) += weights[b].factor * delta(r, p);
      }
      if (l == 0) break;
      Array down(weight.w.columns, delta.columns);
      for (Index c = 0; c < weight.w.columns; ++c)
        for (Index p = 0; p < delta.columns; ++p) {
          for (Index r = 0; r < weight.w.rows; ++r)
            down(c, p) += weight.factor * weight.w(r, c) * delta(r, p);
          down(c, p) *= 1 - values[2 * k - 1](c, p) * values[2 * k - 1](c, p);
        }
      delta = down;
    }
    double clip = 1;
    if (optimizer.clip > 0) {
      double square = 0;
      for (auto const& g : gradients)
        for (double const entry : g.entries) square += entry * entry;
      clip = std::fmin(1, optimizer.clip / (std::sqrt(square) + 1e-6));
    }
    for (std::size_t k = 0; k < weights.size(); ++k) {
      auto& weight = weights[k];
      for (std::size_t e = 0; e < weight.w.entries.size(); ++e) {
        double const gradient = clip * gradients[k].entries[e] +
                                optimizer.weight_decay / weight.rate_power * weight.w.entries[e];
        double& velocity = weight.velocity.entries[e];
        velocity = optimizer.momentum * velocity + gradient;
        weight.w.entries[e] -=
            learning_rate * weight.rate_power * weight.multiplier *
            (optimizer.nesterov ? gradient + optimizer.momentum * velocity : velocity);
      }
    }
    return f;
  }

 private:
  static Array product(Weight const& weight, Array const& x) {
    Array y(weight.w.rows, x.columns);
    for (Index r = 0; r < y.rows; ++r)
      for (Index k = 0; k < x.rows; ++k)
        for (Index c = 0; c < y.columns; ++c) y(r, c) += weight.factor * weight.w(r, k) * x(k, c);
    return y;
  }
};

}  // namespace widelimit::reference
