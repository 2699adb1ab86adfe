/// \file
/// Compiled training programs against training as the papers state it, at finite width; and the
/// kernel regime against its recursion.
#include "widelimit/program/training.hpp"

#include <random>

#include <gtest/gtest.h>

#include "reference/literal_perceptron.hpp"
#include "support/expect_input_error.hpp"

namespace widelimit::program {
namespace {

using reference::Array;
using reference::LiteralPerceptron;
using reference::PlainProgram;

network::Sequence perceptron(int depth, double w_std, double b_std) {
  network::Sequence layers;
  for (int l = 0; l < depth; ++l) {
    layers.push_back({network::Dense{w_std, b_std}, "dense", l + 1});
    layers.push_back(
        {network::Activation{network::Numerical{network::NumericalFunction::tanh}}, "tanh", l + 1});
  }
  layers.push_back({network::Dense{w_std, 0}, "dense", depth + 1});
  return layers;
}

Array random_array(Index rows, Index columns, unsigned seed) {
  Array array(rows, columns);
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  for (double& x : array.entries) x = normal(engine);
  return array;
}

/// A task of 5 points to train on and 2 to test on, with data.
struct Problem {
  TrainingTask task;
  Array x = random_array(3, 5, 1), y, x_test = random_array(3, 2, 2), y_test;

  Problem(int depth, Index outputs, double w_std = 1.2, double b_std = 0) {
    task.network = perceptron(depth, w_std, b_std);
    task.input.channels = task.input_rows = 3;
    task.train_points = 5;
    task.test_points = 2;
    task.outputs = outputs;
    y = random_array(outputs, 5, 3);
    y_test = random_array(outputs, 2, 4);
  }

  PlainProgram begin(TrainingProgram const& compiled, Index n) const {
    PlainProgram run(compiled.program, n, 7);
    run.at("train_inputs") = x;
    run.at("train_targets") = y;
    run.at("test_inputs") = x_test;
    run.at("test_targets") = y_test;
    return run;
  }
};

Array scaled(Array const& a, double factor) {
  Array result = a;
  for (double& x : result.entries) x *= factor;
  return result;
}

/// The weights that act, as programs hold them.
void copy_weights(LiteralPerceptron const& from, PlainProgram& to, Index n) {
  auto const depth = static_cast<std::size_t>(from.depth);
  for (std::size_t l = 0; l < depth; ++l)
    to.at((l == 0 ? "U" : "W") + std::to_string(l + 1)) =
        scaled(from.weights[l].w, from.weights[l].factor);
  auto const& readout = from.weights[depth];
  Array v(n, readout.w.rows);
  for (Index r = 0; r < n; ++r)
    for (Index k = 0; k < v.columns; ++k)
      v(r, k) = static_cast<double>(n) * readout.factor * readout.w(k, r);
  to.at("V" + std::to_string(depth + 1)) = v;
  for (std::size_t l = 0; from.biases && l < depth; ++l)
    to.at("bias" + std::to_string(l + 1)) =
        scaled(from.weights[depth + 1 + l].w, from.weights[depth + 1 + l].factor);
}

Id find(TrainingProgram const& compiled, Role role, std::string const& set, bool in_step = false) {
  for (auto const& o : compiled.program.observables)
    if (o.role == role && o.set == set) return in_step ? o.in_step : o.in_observe;
  return none;
}

void expect_near(Array const& a, Array const& b, double tolerance) {
  ASSERT_EQ(a.entries.size(), b.entries.size());
  for (std::size_t k = 0; k < a.entries.size(); ++k)
    EXPECT_NEAR(a.entries[k], b.entries[k], tolerance * (1 + std::fabs(b.entries[k])));
}

/// Trains the program and the literal network side by side.
void compare(Problem const& problem, double w_std, double b_std, Index n) {
  auto task = problem.task;
  task.width = n;
  auto const compiled = compile_training(task, "job.yaml");
  int const depth = static_cast<int>(task.network.size()) / 2;
  LiteralPerceptron literal(depth, n, 3, task.outputs, compiled.parametrization.exponents, w_std,
                            b_std, 11);
  literal.optimizer = task.optimizer;
  literal.loss = task.loss;
  for (std::size_t l = 0; l < task.multipliers.size(); ++l) {
    literal.weights[l].multiplier = task.multipliers[l];
    if (literal.biases && l < static_cast<std::size_t>(depth))
      literal.weights[static_cast<std::size_t>(depth + 1) + l].multiplier = task.multipliers[l];
  }
  auto run = problem.begin(compiled, n);
  copy_weights(literal, run, n);
  run.run(compiled.program.start);
  for (int t = 0; t < 6; ++t) {
    double const eta = 0.4 / (1 + t);
    run.at("learning_rate")(0, 0) = eta;
    Array x = problem.x, y = problem.y;
    if (task.batch_size != 0) {
      std::vector<Index> const points{t % 5, (t + 2) % 5};
      for (Id id = 0; id < static_cast<Id>(compiled.program.values.size()); ++id)
        if (compiled.program.value(id).initial != none &&
            std::holds_alternative<Batch>(compiled.program.initial(id).content))
          run.set_batch(id, points);
      x = run.at("batch_inputs");
      y = run.at("batch_targets");
    }
    run.run(compiled.program.step);
    auto const before = literal.step(x, y, eta);
    if (task.batch_size == 0)
      expect_near(run.at(find(compiled, Role::output, "train", true)), before, 1e-11);
    run.run(compiled.program.observe);
    expect_near(run.at(find(compiled, Role::output, "train")), literal.forward(problem.x).back(),
                1e-11);
    expect_near(run.at(find(compiled, Role::output, "test")),
                literal.forward(problem.x_test).back(), 1e-11);
  }
}

TEST(Training, every_parametrization_is_what_the_paper_states) {
  for (auto const preset : {Preset::mup, Preset::ntk, Preset::standard, Preset::mean_field})
    for (int const depth : {1, 3}) {
      Problem problem(depth, 2);
      problem.task.parametrization = preset;
      compare(problem, 1.2, 0, 6);
    }
  Problem problem(2, 1);
  problem.task.parametrization =
      std::vector<Exponents>{{-0.2, 0.3, 0.4}, {0.1, 0.5, -0.2}, {0.7, 0.25, 0.1}};
  compare(problem, 1.2, 0, 5);
}

TEST(Training, optimizers_losses_and_batches_are_what_they_say) {
  Problem problem(2, 3, 0.9, 0.5);
  problem.y = Array(3, 5);
  for (Index p = 0; p < 5; ++p) problem.y(p % 3, p) = 1;
  problem.task.loss = Loss::cross_entropy;
  compare(problem, 0.9, 0.5, 6);
  problem.task.optimizer.momentum = 0.8;
  compare(problem, 0.9, 0.5, 6);
  problem.task.optimizer.nesterov = true;
  problem.task.batch_size = 2;
  compare(problem, 0.9, 0.5, 6);
  problem.task.optimizer.weight_decay = 0.1;
  problem.task.multipliers = {0.5, 2, 1.5};
  compare(problem, 0.9, 0.5, 6);
  problem.task.optimizer.clip = 0.05;
  compare(problem, 0.9, 0.5, 6);
  problem.task.optimizer = {.weight_decay = 0.1, .clip = 0.05};
  compare(problem, 0.9, 0.5, 6);
  problem.task.parametrization = Preset::mean_field;
  compare(problem, 0.9, 0.5, 6);
  Problem binary(1, 1);
  for (double& y : binary.y.entries) y = y > 0 ? 1 : -1;
  binary.task.loss = Loss::cross_entropy;
  compare(binary, 1.2, 0, 6);
}

/// Training on y + f_0 moves f as training f - f_0 on y does, for the squared error.
TEST(Training, the_feature_learning_limit_subtracts_the_start) {
  Index const n = 6;
  Problem problem(2, 2);
  problem.task.optimizer.momentum = 0.5;
  auto const limit = compile_training(problem.task, "job.yaml");
  EXPECT_EQ(limit.classification.regime, Regime::feature_learning);
  problem.task.width = n;
  auto const finite = compile_training(problem.task, "job.yaml");
  auto a = problem.begin(limit, n), b = problem.begin(finite, n);
  for (auto const* name : {"U1", "W2", "V3"}) b.at(name) = a.at(name);
  b.run(finite.program.observe);
  Array const start = b.at(find(finite, Role::output, "train"));
  for (std::size_t k = 0; k < start.entries.size(); ++k)
    b.at("train_targets").entries[k] += start.entries[k];
  a.run(limit.program.start);
  for (int t = 0; t < 4; ++t) {
    a.at("learning_rate")(0, 0) = b.at("learning_rate")(0, 0) = 0.3;
    a.run(limit.program.step);
    b.run(finite.program.step);
    auto const& f = a.at(find(limit, Role::output, "train", true));
    auto const& g = b.at(find(finite, Role::output, "train", true));
    for (std::size_t k = 0; k < f.entries.size(); ++k) {
      EXPECT_NEAR(f.entries[k], g.entries[k] - start.entries[k], 1e-12);
      if (t == 0) {
        EXPECT_EQ(f.entries[k], 0);
      }
    }
  }
}

/// Exponents that drop terms: a hidden layer that freezes, a readout that starts at zero.
TEST(Training, terms_that_vanish_with_the_width_are_left_out) {
  Problem problem(2, 1);
  problem.task.parametrization =
      std::vector<Exponents>{{-0.5, 0.5, 0}, {0.25, 0.25, 0}, {0.5, 1, 0}};
  auto const compiled = compile_training(problem.task, "job.yaml");
  EXPECT_EQ(compiled.classification.regime, Regime::feature_learning);
  EXPECT_TRUE(compiled.program.start.empty());
  for (auto const& instruction : compiled.program.step)
    EXPECT_FALSE(std::holds_alternative<UpdateMatrix>(instruction));
  auto run = problem.begin(compiled, 4);
  EXPECT_EQ(run.at("V3").entries, std::vector<double>(4, 0.0));
}

/// The tangent kernel that a program observes is the slope of the outputs along a step.
TEST(Training, the_tangent_kernel_is_the_slope_of_the_outputs) {
  for (auto const preset : {Preset::mup, Preset::ntk}) {
    Problem problem(2, 2, 1.1, 0.3);
    problem.task.parametrization = preset;
    problem.task.width = 6;
    problem.task.multipliers = {1, 0.5, 2};
    auto const compiled = compile_training(problem.task, "job.yaml");
    auto run = problem.begin(compiled, 6);
    run.run(compiled.program.observe);
    Array const f = run.at(find(compiled, Role::output, "train"));
    Array const kernel = run.at(find(compiled, Role::tangent_kernel, "train"));
    // The mean over outputs k of the slope of f_k by χ_k alone, one point at a time.
    double const eta = 1e-6;
    for (Index point = 0; point < 5; ++point) {
      std::vector<double> slope(5, 0);
      for (Index k = 0; k < 2; ++k) {
        auto moved = problem.begin(compiled, 6);
        moved.at("train_targets") = f;
        moved.at("train_targets")(k, point) += 5;  // χ = -1: the mean over 5 points
        moved.at("learning_rate")(0, 0) = eta;
        moved.run(compiled.program.step);
        moved.run(compiled.program.observe);
        auto const& after = moved.at(find(compiled, Role::output, "train"));
        for (Index q = 0; q < 5; ++q)
          slope[static_cast<std::size_t>(q)] += (after(k, q) - f(k, q)) / eta / 2;
      }
      for (Index q = 0; q < 5; ++q)
        EXPECT_NEAR(kernel(q, point), slope[static_cast<std::size_t>(q)],
                    1e-4 * (1 + std::fabs(kernel(q, point))));
    }
  }
}

TEST(Training, the_kernel_regime_follows_the_kernel_of_the_start) {
  Problem problem(2, 2, 1.1, 0.3);
  problem.task.parametrization = Preset::ntk;
  problem.task.optimizer = {.momentum = 0.5, .nesterov = true};
  auto const compiled = compile_training(problem.task, "job.yaml");
  EXPECT_EQ(compiled.classification.regime, Regime::kernel);
  auto run = problem.begin(compiled, 5);
  run.run(compiled.program.start);
  Array const train = run.at("train_kernel"), test = run.at("test_kernel");
  // The kernel is that of the network of this width with the same weights, but for the readout's
  // second column: compare with the slope that a finite program of one output observes.
  auto one = problem;
  one.task.outputs = 1;
  one.y = random_array(1, 5, 3);
  one.y_test = random_array(1, 2, 4);
  one.task.width = 5;
  auto const finite = compile_training(one.task, "job.yaml");
  auto wide = one.begin(finite, 5);
  for (auto const* name : {"U1", "W2", "bias1", "bias2"}) wide.at(name) = run.at(name);
  wide.at("V3") = scaled(run.at("V3"), std::sqrt(5.0));
  wide.run(finite.program.observe);
  expect_near(train, wide.at(find(finite, Role::tangent_kernel, "train")), 1e-12);
  Array f(2, 5), g(2, 2), vf(2, 5), vg(2, 2);
  for (int t = 0; t < 5; ++t) {
    run.at("learning_rate")(0, 0) = 0.2;
    run.run(compiled.program.step);
    auto const move = [&](Array& outputs, Array& velocity, Array const& kernel, Array const& chi) {
      for (Index k = 0; k < 2; ++k)
        for (Index q = 0; q < outputs.columns; ++q) {
          double slope = 0;
          for (Index p = 0; p < 5; ++p) slope += kernel(q, p) * chi(k, p);
          velocity(k, q) = 0.5 * velocity(k, q) + slope;
          outputs(k, q) -= 0.2 * (slope + 0.5 * velocity(k, q));
        }
    };
    Array chi(2, 5);
    for (std::size_t k = 0; k < chi.entries.size(); ++k)
      chi.entries[k] = (f.entries[k] - problem.y.entries[k]) / 5;
    move(f, vf, train, chi);
    move(g, vg, test, chi);
    run.run(compiled.program.observe);
    expect_near(run.at(find(compiled, Role::output, "train")), f, 1e-12);
    expect_near(run.at(find(compiled, Role::output, "test")), g, 1e-12);
  }
}

TEST(Training, refuses_what_has_no_limit) {
  Problem problem(2, 1);
  auto const refused = [&](std::vector<std::string> const& fragments) {
    test::expect_input_error([&] { (void)compile_training(problem.task, "job.yaml"); }, fragments);
  };
  auto const begin = problem.task;
  problem.task.parametrization =
      std::vector<Exponents>{{0, 0, 0}, {0, 0.5, 0}, {0, 0.5, 0}};  // standard, rate fixed
  refused({"job.yaml: job.parametrization", "unstable", "layer 2"});
  problem.task.parametrization = std::vector<Exponents>{{0, 0, 0}, {0, 0.5, 0}};
  refused({"exponents of 2 layers", "3 weight tensors"});
  problem.task = begin;
  problem.task.parametrization = Preset::ntk;
  problem.task.optimizer.weight_decay = 0.1;
  refused({"weight_decay", "kernel regime"});
  problem.task.optimizer = {.clip = 1};
  problem.task.batch_size = 2;
  refused({"mini-batches"});
  problem.task.parametrization = Preset::mean_field;
  refused({"clip", "c = -1"});
  problem.task = begin;
  problem.task.batch_size = 6;
  refused({"a batch of 6 points, but there are 5"});
  problem.task = begin;
  problem.task.multipliers = {1};
  refused({"1 multipliers", "3 weight tensors"});
  problem.task = begin;
  problem.task.network.pop_back();
  refused({"ends with `dense`"});
  problem.task.network = {begin.network.back()};
  refused({"no hidden layer"});
  problem.task.network = begin.network;
  problem.task.network.insert(problem.task.network.begin() + 2, {network::Dropout{}, "dropout", 9});
  problem.task.parametrization = Preset::ntk;
  refused({"job.yaml:9", "`dropout`", "kernel regime", "mup"});
}

}  // namespace
}  // namespace widelimit::program
