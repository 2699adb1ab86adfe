/// \file
/// The forward pass of every layer against the network as the language defines it, and the gradients
/// of whole networks against differences.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "widelimit/network/reader.hpp"
#include "widelimit/program/text.hpp"
#include "widelimit/program/training.hpp"

#include "reference/literal_network.hpp"
#include "support/expect_input_error.hpp"

namespace widelimit::program {
namespace {

using reference::Array;
using reference::LiteralNetwork;
using reference::PlainProgram;

constexpr Index width = 3, points = 2, channels = 2;

/// A training program of a network on two points, with its data.
struct Trained {
  TrainingTask task;
  TrainingProgram compiled;
  PlainProgram run;

  Trained(std::string const& layers, network::Positions const& positions,
          std::vector<Index> const& lengths = {})
      : task(make_task(layers, positions, !lengths.empty())),
        compiled(compile_training(task, "job.yaml")),
        run(compiled.program, width, 3) {
    std::mt19937_64 engine(8);
    std::normal_distribution<double> normal;
    for (auto const& initial : compiled.program.initials)
      if (std::holds_alternative<Data>(initial.content))
        for (double& x : run.at(initial.value).entries) x = normal(engine);
    if (lengths.empty()) return;
    auto &ends = run.at("train_lengths"), &x = run.at("train_inputs");
    for (Index c = 0; c < ends.columns; ++c) {
      Index const length = lengths[static_cast<std::size_t>(c / positions[0])];
      ends(0, c) = c % positions[0] + 1 == length ? 1 : 0;
      for (Index r = 0; r < x.rows && c % positions[0] >= length; ++r) x(r, c) = 0;
    }
  }

  static TrainingTask make_task(std::string const& layers, network::Positions const& positions,
                                bool masked) {
    TrainingTask task;
    task.masked = masked;
    task.network = network::read_network(io::YamlNode::parse(layers, "job.yaml"));
    task.input = input_layout(task.network, {positions, channels});
    task.input_rows = task.input.channels;
    task.train_points = points;
    task.outputs = 2;
    task.width = width;
    return task;
  }

  /// The first positions of a point.
  LiteralNetwork::State literal_inputs(Index point, network::Positions const& positions,
                                       Index count) const {
    auto const& x = run.at(initial("train_inputs"));
    LiteralNetwork::State state{true, positions, {{}}};
    for (Index p = 0; p < count; ++p) {
      LiteralNetwork::Vector channel;
      for (Index c = 0; c < x.rows; ++c) channel.push_back(x(c, point * (x.columns / points) + p));
      state.parts[0].push_back(channel);
    }
    return state;
  }

  Id initial(std::string const& name) const {
    for (auto const& i : compiled.program.initials)
      if (compiled.program.value(i.value).name == name) return i.value;
    return none;
  }

  Id observed(Role role) const {
    for (auto const& o : compiled.program.observables)
      if (o.role == role) return o.in_observe;
    return none;
  }
};

std::string const rnn = "rnn: {activation: sin, b_std: 0.2}";
std::string const conv = "conv: {filter: [3, 2], padding: same, b_std: 0.3}";

struct Case {
  std::string layers;
  network::Positions positions;
  std::vector<Index> lengths = {};  ///< of the points; empty: whole
};

std::vector<Case> cases() {
  network::Positions const vectors{}, sequence{4}, image{4, 3};
  std::vector<Index> const unequal{4, 3};
  std::string const pool = "global_avg_pool, dense]";
  std::string const same = "conv: {filter: 3, padding: same, b_std: 0.3}";
  std::string const embedding = "dense, erf, global_self_attention: {w_key_std: 2, ";
  return {
      {"[dense, {sum: [[], [erf, dense: {b_std: 0.1}]]}, gelu, dense]", vectors},
      {"[dense, {residual: [erf, dense]}, layer_norm, {repeat: {times: 2, layers: [erf, dense]}}, "
       "dense]",
       vectors},
      {"[dense, {concat: [[erf, dense, sin], [cos]]}, dense, dense]", vectors},
      {"[dense, {product: [[erf], [dense]]}, dense]", vectors},
      {"[flatten, dense, erf, dense]", image},
      {"[" + conv + ", erf, " + conv + ", erf, " + pool, image},
      {"[conv: {filter: [2, 2], strides: [2, 1]}, erf, flatten, dense]", image},
      {"[conv: {filter: [2, 3], padding: circular}, erf, conv: {filter: [3, 3]}, " + pool, {4, 5}},
      {"[conv: {filter: [1, 1]}, conv_transpose: {filter: [2, 3], strides: [2, 1], padding: same}, "
       "erf, " +
           pool,
       image},
      {"[conv: {filter: 2}, conv_transpose: {filter: 3, strides: 2}, erf, " + pool, sequence},
      {"[avg_pool: {window: [2, 2]}, " + conv +
           ", avg_pool: {window: [2, 2], strides: [2, 2], "
           "padding: same, normalize_edges: true}, sum_pool: {window: [2, 1]}, erf, flatten, "
           "dense]",
       {5, 4}},
      {"[" + conv + ", layer_norm: {axes: all, eps: 0.1}, erf, global_sum_pool, dense]", image},
      {"[" + rnn + ", dense]", sequence},
      {"[rnn: {activation: erf, return: sequence}, " + rnn + ", dense]", sequence},
      {"[rnn: {activation: erf, return: sequence}, " + pool, sequence},
      {"[conv: {filter: 2}, global_self_attention: {w_key_std: 2, b_std: 0.1}, erf, " + pool,
       sequence},
      {"[global_self_attention: {attention_mechanism: relu}, erf, " + pool, sequence},
      {"[{aggregate: {pattern: A}}, dense, erf, {aggregate: {pattern: A}}, dense, erf, " + pool,
       sequence},
      {"[conv_local: {filter: 2, b_std: 0.2}, erf, conv_local: {filter: 3, strides: 2, padding: "
       "same}, erf, flatten, dense]",
       sequence},
      {"[conv_local: {filter: [2, 2]}, {concat: [[erf], [sin]]}, conv_local: {filter: [3, 2], "
       "padding: circular, b_std: 0.3}, erf, " +
           pool,
       image},
      {"[" + embedding + "pos_emb_type: sum, w_pos_emb_std: 0.7}, erf, " + pool, sequence},
      {"[" + embedding + "pos_emb_type: concat, val_pos_emb: true}, erf, " + pool, sequence},
      {"[dense, {concat: [[erf], [sin]]}, global_self_attention: {pos_emb_type: sum, val_pos_emb: "
       "true, attention_mechanism: relu}, erf, " +
           pool,
       sequence},
      // Sequences of unequal length.
      {"[dense: {b_std: 0.4}, cos, global_sum_pool, dense]", sequence, unequal},
      {"[dense, cos, {residual: [dense: {b_std: 0.1}]}, erf, " + pool, sequence, unequal},
      {"[" + same + ", cos, " + same + ", erf, " + pool, {5}, {5, 2}},
      {"[conv: {filter: 2, b_std: 0.3}, cos, flatten, dense]", sequence, unequal},
      {"[sum_pool: {window: 2}, dense, conv_transpose: {filter: 3, strides: 2, padding: valid, "
       "b_std: 0.2}, cos, " +
           pool,
       sequence, unequal},
      {"[dense, cos, avg_pool: {window: 3, padding: same, normalize_edges: true}, dense, erf, " +
           pool,
       {5},
       {4, 3}},
      {"[avg_pool: {window: 3, padding: same, normalize_edges: true}, dense, cos, avg_pool: "
       "{window: 2}, " +
           pool,
       {5},
       {4, 3}},
      {"[dense, layer_norm: {axes: all, eps: 0.1}, cos, dense, layer_norm, cos, " + pool, sequence,
       unequal},
      {"[rnn: {activation: cos, return: sequence}, " + rnn + ", dense]", sequence, unequal},
      {"[rnn: {activation: cos, return: sequence, b_std: 0.1}, " + pool, sequence, unequal},
      {"[" + embedding + "pos_emb_type: sum, val_pos_emb: true, b_std: 0.2}, cos, " + pool,
       sequence, unequal},
      {"[dense, cos, global_self_attention: {attention_mechanism: abs}, erf, " + pool, sequence,
       unequal},
      {"[{aggregate: {pattern: A}}, dense, cos, {aggregate: {pattern: A}}, dense, " + pool,
       sequence, unequal},
  };
}

TEST(NetworkPass, every_layer_is_what_the_language_says) {
  for (auto const& [layers, positions, lengths] : cases()) {
    Trained t(layers, positions, lengths);
    t.run.run(t.compiled.program.observe);
    auto const& f = t.run.at(t.observed(Role::output));
    LiteralNetwork literal(t.compiled.program, t.run, width);
    auto const& x = t.run.at("train_inputs");
    Index const size = x.columns / points;
    bool const flat = std::holds_alternative<network::Flatten>(t.task.network.front().kind);
    auto network = t.task.network;
    if (flat) network.erase(network.begin());
    for (Index point = 0; point < points; ++point) {
      // Alone, cut to its length.
      Index const length = lengths.empty() ? size : lengths[static_cast<std::size_t>(point)];
      auto const whole = t.task.input.positions;
      auto const state =
          t.literal_inputs(point, lengths.empty() ? whole : network::Positions{length}, length);
      for (auto const& value : t.compiled.program.values)
        if (value.name == "train_pattern_A") {
          auto const& all = t.run.at("train_pattern_A");
          Array a(length, length);
          for (Index r = 0; r < length; ++r)
            for (Index c = 0; c < length; ++c) a(r, c) = all(r, point * size + c);
          literal.patterns["A"] = a;
        }
      auto const expected = literal(network, state);
      for (Index k = 0; k < 2; ++k)
        EXPECT_NEAR(f(k, point), expected[static_cast<std::size_t>(k)], 1e-12) << layers;
    }
  }
}

/// A small step moves the loss by -η·(squared gradient), which the update of every weight makes.
TEST(NetworkPass, a_step_goes_down_the_gradient_of_all_weights) {
  for (auto const& [layers, positions, lengths] : cases()) {
    Trained t(layers, positions, lengths);
    validate(t.compiled.program, "job.yaml");
    auto const& p = t.compiled.program;
    auto const forward = pruned(p.observe, {t.observed(Role::loss)}, false);
    auto const loss = [&](PlainProgram& run) {
      run.run(forward);
      return run.at(t.observed(Role::loss))(0, 0);
    };
    // ∂loss/∂P by differences; in μP with w_std = g, an entry moves by -η·g²·n^… times that, so
    // that the ratio of both is the same for all entries of a weight.
    auto moved = t.run;
    double const eta = 1e-4;
    moved.at("learning_rate")(0, 0) = eta;
    moved.run(p.step);
    for (auto const& initial : p.initials) {
      bool const weight = std::holds_alternative<GaussianMatrix>(initial.content) ||
                          std::holds_alternative<GaussianVector>(initial.content);
      if (!weight) continue;
      auto const &before = t.run.at(initial.value), &after = moved.at(initial.value);
      double along = 0, steps = 0, slopes = 0;
      for (std::size_t e = 0; e < before.entries.size(); ++e) {
        auto up = t.run, down = t.run;
        double const h = 1e-4;
        up.at(initial.value).entries[e] += h;
        down.at(initial.value).entries[e] -= h;
        double const slope = (loss(up) - loss(down)) / (2 * h);
        double const step = (before.entries[e] - after.entries[e]) / eta;
        along += slope * step;
        steps += step * step;
        slopes += slope * slope;
      }
      if (slopes < 1e-20) continue;
      EXPECT_GT(along / std::sqrt(steps * slopes), 1 - 1e-5)
          << layers << ", " << p.value(initial.value).name;
    }
  }
}

/// The observed tangent kernel is the slope of the outputs along a step, point by point.
TEST(NetworkPass, the_tangent_kernel_is_the_slope_of_the_outputs) {
  double const eta = 1e-6;
  for (auto const& [layers, positions, lengths] : cases()) {
    Trained t(layers, positions, lengths);
    auto const& p = t.compiled.program;
    t.run.run(p.observe);
    Array const f = t.run.at(t.observed(Role::output)),
                kernel = t.run.at(t.observed(Role::tangent_kernel));
    for (Index point = 0; point < points; ++point) {
      std::vector<double> slope(points, 0);
      for (Index k = 0; k < 2; ++k) {
        auto moved = t.run;
        moved.at("train_targets") = f;
        moved.at("train_targets")(k, point) += points;  // χ = -1: the mean over points
        moved.at("learning_rate")(0, 0) = eta;
        moved.run(p.step);
        moved.run(p.observe);
        auto const& after = moved.at(t.observed(Role::output));
        for (Index q = 0; q < points; ++q)
          slope[static_cast<std::size_t>(q)] += (after(k, q) - f(k, q)) / eta / 2;
      }
      for (Index q = 0; q < points; ++q)
        EXPECT_NEAR(kernel(q, point), slope[static_cast<std::size_t>(q)],
                    1e-4 * (1 + std::fabs(kernel(q, point))))
            << layers;
    }
  }
}

/// Outputs under the masks of a step are those of the language, the step goes down the gradient of
/// the loss under these masks, and what is observed is without masks.
TEST(NetworkPass, dropout_masks_steps_alone) {
  std::string const tail = "dropout: {rate: 0.6}, dense, erf, dropout: {rate: 0.8}, ";
  for (auto const& [layers, positions] : std::vector<std::pair<std::string, network::Positions>>{
           {"[dense, erf, " + tail + "dense]", {}},
           {"[conv: {filter: 2}, {concat: [[erf], [sin]]}, " + tail + "global_avg_pool, dense]",
            {3}}}) {
    Trained t(layers, positions);
    auto const& p = t.compiled.program;
    std::mt19937_64 engine(5);
    std::normal_distribution<double> normal;
    std::vector<Id> noise;
    for (auto const& initial : p.initials)
      if (std::holds_alternative<GaussianNoise>(initial.content)) {
        noise.push_back(initial.value);
        for (double& x : t.run.at(initial.value).entries) x = normal(engine);
      }
    EXPECT_EQ(noise.size(), positions.empty() ? 2U : 3U);
    auto const loss = [&](PlainProgram const& run, bool masked) {
      LiteralNetwork literal(p, run, width);
      for (Id const id : noise)
        if (masked) literal.noise.push_back(&run.at(id));
      double sum = 0;
      for (literal.point = 0; literal.point < points; ++literal.point) {
        Index const count = t.task.input.positions_count();
        auto const f =
            literal(t.task.network, t.literal_inputs(literal.point, t.task.input.positions, count));
        for (Index k = 0; k < 2; ++k) {
          double const y = run.at(t.initial("train_targets"))(k, literal.point);
          sum += std::pow(f[static_cast<std::size_t>(k)] - y, 2) / 2 / points;
        }
      }
      return sum;
    };
    auto observed = t.run;
    observed.run(p.observe);
    EXPECT_NEAR(observed.at(t.observed(Role::loss))(0, 0), loss(t.run, false), 1e-12);
    EXPECT_GT(std::fabs(loss(t.run, true) - loss(t.run, false)), 1e-3);
    for (auto const& o : p.observables) EXPECT_EQ(o.in_step, none) << o.name;

    double const eta = 1e-4, h = 1e-5;
    auto moved = t.run;
    moved.at("learning_rate")(0, 0) = eta;
    moved.run(p.step);
    for (auto const& initial : p.initials) {
      if (!std::holds_alternative<GaussianMatrix>(initial.content) &&
          !std::holds_alternative<GaussianVector>(initial.content))
        continue;
      // The same part of the slope for all entries of a weight.
      std::vector<double> slopes, steps;
      for (std::size_t e = 0; e < t.run.at(initial.value).entries.size(); ++e) {
        auto up = t.run, down = t.run;
        up.at(initial.value).entries[e] += h;
        down.at(initial.value).entries[e] -= h;
        slopes.push_back((loss(up, true) - loss(down, true)) / (2 * h));
        steps.push_back((t.run.at(initial.value).entries[e] - moved.at(initial.value).entries[e]) /
                        eta);
      }
      auto const largest = static_cast<std::size_t>(
          std::ranges::max_element(slopes, {}, [](double s) { return std::fabs(s); }) -
          slopes.begin());
      ASSERT_GT(std::fabs(slopes[largest]), 1e-4);
      double const ratio = steps[largest] / slopes[largest];
      EXPECT_GT(ratio, 0);
      for (std::size_t e = 0; e < slopes.size(); ++e)
        EXPECT_NEAR(steps[e], ratio * slopes[e], 1e-5 * std::fabs(steps[largest])) << layers;
    }
  }
}

TEST(NetworkPass, weights_have_the_deviations_of_the_language) {
  Trained t(
      "[conv: {filter: [2, 3], w_std: 1.5}, erf, conv: {filter: [1, 3], w_std: 2}, "
      "global_self_attention: {w_value_std: 3}, flatten, dense: {w_std: 4}]",
      {4, 7});
  std::map<std::string, double> sigma;
  for (auto const& initial : t.compiled.program.initials) {
    auto const& name = t.compiled.program.value(initial.value).name;
    if (auto const* m = std::get_if<GaussianMatrix>(&initial.content)) sigma[name] = m->sigma;
    if (auto const* v = std::get_if<GaussianVector>(&initial.content)) sigma[name] = v->sigma;
  }
  EXPECT_NEAR(sigma.at("U1"), 1.5 / std::sqrt(6.0 * channels), 1e-14);
  EXPECT_NEAR(sigma.at("W2"), 2 / std::sqrt(3.0), 1e-14);
  EXPECT_NEAR(sigma.at("W3"), 1, 1e-14);
  EXPECT_NEAR(sigma.at("W4"), 3, 1e-14);
  EXPECT_NEAR(sigma.at("W5"), 1, 1e-14);
  EXPECT_NEAR(sigma.at("V6"), 4 / std::sqrt(3.0 * 3), 1e-14);
}

TEST(NetworkPass, refuses_what_programs_do_not_have) {
  auto const refused = [](std::string const& layers, std::vector<std::string> const& fragments) {
    test::expect_input_error([&] { Trained t(layers, {4}); }, fragments);
  };
  refused("[dense, erf, dense]", {"still have positions"});
  refused(
      "[global_self_attention: {linear_scaling: false, attention_mechanism: identity}, "
      "flatten, dense]",
      {"linear_scaling"});
  refused("[global_self_attention: {pos_emb_type: sum}, flatten, dense]",
          {"job.yaml:1", "embeddings of positions", "put a weight layer"});
  test::expect_input_error(
      [] {
        Trained t(
            "[dense, global_self_attention: {pos_emb_type: sum, pos_emb_decay: {length: 3, "
            "p_norm: 9}}, flatten, dense]",
            {4, 3});
      },
      {"pos_emb_decay", "p_norm: 2"});
  refused("[dense, exp_normalized, flatten, dense]", {"exp_normalized"});
}

}  // namespace
}  // namespace widelimit::program
