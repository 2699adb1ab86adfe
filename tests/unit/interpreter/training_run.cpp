#include "widelimit/interpreter/training_run.hpp"

#include <bit>
#include <cmath>
#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "widelimit/program/training.hpp"

#include "support/reference_file.hpp"

namespace widelimit::interpreter {
namespace {

using program::Preset;

runtime::Communicator const& world() {
  static auto const comm = runtime::Communicator::world();
  return comm;
}

/// A perceptron on Gaussian points.
struct Case {
  int hidden = 1;
  network::Activation activation = network::AbRelu{0, 1};
  bool linear = false;
  Preset preset = Preset::mup;
  Index points = 5, features = 3, outputs = 1, steps = 6, batch_size = 0;
  double learning_rate = 0.3;
};

Small gaussian_small(Index rows, Index cols, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Small s(rows, cols);
  for (double& x : s.values()) x = normal(engine);
  return s;
}

struct Problem {
  explicit Problem(Case const& c)
      : x(gaussian_small(c.features, c.points, 1)), y(gaussian_small(c.outputs, c.points, 2)) {
    program::TrainingTask task;
    for (int layer = 0; layer < c.hidden; ++layer) {
      task.network.push_back({network::Dense{}, "dense", 1});
      if (!c.linear) task.network.push_back({c.activation, "relu", 1});
    }
    task.network.push_back({network::Dense{}, "dense", 1});
    task.input.channels = task.input_rows = c.features;
    task.train_points = c.points;
    task.outputs = c.outputs;
    task.parametrization = c.preset;
    task.batch_size = c.batch_size;
    compiled = program::compile_training(task, "test.yaml");
    schedule.learning_rates.assign(static_cast<std::size_t>(c.steps), c.learning_rate);
    schedule.kernels_at = {0, c.steps};
  }

  Record run(runtime::Communicator const& comm, Index particles, std::uint64_t seed,
             Representation representation = Representation::automatic,
             MomentMatching matching = MomentMatching::on) const {
    ExecutorOptions options;
    options.particles = particles;
    options.representation = representation;
    options.tolerance = 1e-9;
    options.matching = matching;
    options.seed = seed;
    options.steps = schedule.steps();
    TrainingRun<double> run(compiled.program, Particles(comm, particles), options,
                            {{"train_inputs", x}, {"train_targets", y}}, schedule, y);
    while (!run.finished()) run.advance();
    return run.record();
  }

  Small x, y;
  program::TrainingProgram compiled;
  TrainingSchedule schedule;
};

double largest_difference(std::vector<double> const& a, std::vector<double> const& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t k = 0; k < std::min(a.size(), b.size()); ++k)
    largest = std::max(largest, std::fabs(a[k] - b[k]));
  return largest;
}

/// f_t on the training points of the limit of a linear network with one hidden layer, by the block
/// recursion: f = (C·A + D·B)·x, S = δᵀX, A -= η·CᵀS, B -= η·DᵀS, C -= η·S·Aᵀ, D -= η·S·Bᵀ.
std::vector<double> linear_limit(Case const& c, Problem const& problem) {
  Index const d = c.features, k = c.outputs, n = c.points;
  Small a = identity(d), b(k, d), cc(k, d), dd = identity(k);
  Small x = problem.x;
  for (double& entry : x.values()) entry /= std::sqrt(static_cast<double>(d));
  std::vector<double> outputs;
  auto const add = [](Small& to, double factor, Small const& from) {
    for (std::size_t i = 0; i < to.values().size(); ++i)
      to.values()[i] += factor * from.values()[i];
  };
  for (Index step = 0; step <= c.steps; ++step) {
    Small f = product(product(cc, false, a, false), false, x, false);
    add(f, 1, product(product(dd, false, b, false), false, x, false));
    outputs.insert(outputs.end(), f.values().begin(), f.values().end());
    Small delta = f;
    add(delta, -1, problem.y);
    for (double& entry : delta.values()) entry /= static_cast<double>(n);
    Small const s = product(delta, false, x, true);  // k x d
    Small const a_step = product(cc, true, s, false), b_step = product(dd, true, s, false),
                c_step = product(s, false, a, true), d_step = product(s, false, b, true);
    add(a, -c.learning_rate, a_step);
    add(b, -c.learning_rate, b_step);
    add(cc, -c.learning_rate, c_step);
    add(dd, -c.learning_rate, d_step);
  }
  return outputs;
}

TEST(LinearNetworks, have_no_sampling_error_with_matched_moments) {
  for (int const hidden : {1, 2, 3}) {
    Problem const problem({.hidden = hidden, .linear = true, .outputs = 2});
    auto const a = problem.run(world(), 600, 1), b = problem.run(world(), 900, 2);
    EXPECT_LT(largest_difference(a.at("train").values, b.at("train").values), 1e-12) << hidden;
    auto const& outputs = a.at("train").values;
    EXPECT_GT(*std::ranges::max_element(outputs), 0.1);  // it has learned something
  }
}

TEST(LinearNetworks, one_hidden_layer_is_the_closed_recursion) {
  Case const c{.hidden = 1, .linear = true, .outputs = 2, .steps = 30};
  Problem const problem(c);
  auto const run = problem.run(world(), 500, 1);
  EXPECT_LT(largest_difference(run.at("train").values, linear_limit(c, problem)), 1e-10);
}

/// Batches of one point; the file's loss is the mean of (f - y)² over points and outputs, and its
/// inputs are not divided by √features.
TEST(LinearNetworks, one_hidden_layer_by_sgd_is_the_reference) {
  std::string const path = WIDELIMIT_EXACT_LIMITS;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no reference file " << path;
  test::ReferenceFile const file(path);
  std::string const group = "/linear_sgd/mse_nobias_1step_batch1/";
  auto const x = file.array(group + "X"), y = file.array(group + "Y"), f = file.array(group + "f"),
             rates = file.array(group + "lr"), batches = file.array(group + "batches");
  Case const c{.linear = true,
               .points = x.shape[0],
               .features = x.shape[1],
               .outputs = y.shape[1],
               .steps = static_cast<Index>(rates.values.size()),
               .batch_size = 1};
  Problem problem(c);
  auto const root = std::sqrt(static_cast<double>(c.features));
  for (Index i = 0; i < c.points; ++i) {
    for (Index j = 0; j < c.features; ++j)
      problem.x(j, i) = root * x.values[static_cast<std::size_t>(i * c.features + j)];
    for (Index k = 0; k < c.outputs; ++k)
      problem.y(k, i) = y.values[static_cast<std::size_t>(i * c.outputs + k)];
  }
  auto& schedule = problem.schedule;
  schedule.learning_rates.clear();
  for (double const rate : rates.values)
    schedule.learning_rates.push_back(rate * 2 / static_cast<double>(c.outputs));
  for (double const point : batches.values) schedule.batches.push_back({static_cast<Index>(point)});
  auto const run = problem.run(world(), 400, 1);
  EXPECT_LT(largest_difference(run.at("train").values, f.values), 1e-12);
}

TEST(Training, does_not_depend_on_the_number_of_ranks) {
  if (!std::has_single_bit(static_cast<unsigned>(world().size()))) GTEST_SKIP();
  Problem const problem({.hidden = 2, .steps = 3});
  auto const together = problem.run(world(), 1024, 1);
  auto const alone = problem.run(runtime::Communicator(MPI_COMM_SELF), 1024, 1);
  for (auto const& [path, array] : alone) EXPECT_EQ(array.values, together.at(path).values) << path;
}

struct Mean {
  std::vector<double> mean, variance;  ///< of one run
  explicit Mean(std::vector<std::vector<double>> const& runs) {
    auto const n = static_cast<double>(runs.size());
    mean.resize(runs.front().size());
    variance.resize(mean.size());
    for (auto const& run : runs)
      for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += run[k] / n;
    for (auto const& run : runs)
      for (std::size_t k = 0; k < mean.size(); ++k)
        variance[k] += (run[k] - mean[k]) * (run[k] - mean[k]) / (n - 1);
  }
};

TEST(Training, conditioned_and_dense_matrices_give_the_same_law) {
  if (world().size() > 1) GTEST_SKIP() << "the law does not depend on the ranks";
  Problem const problem({.hidden = 3, .steps = 4, .learning_rate = 0.5});
  constexpr int seeds = 24;
  std::vector<std::vector<double>> dense, conditioned;
  for (unsigned seed = 0; seed < seeds; ++seed) {
    for (bool const is_dense : {true, false})
      (is_dense ? dense : conditioned)
          .push_back(problem
                         .run(world(), 256, seed + (is_dense ? 0 : 1000),
                              is_dense ? Representation::dense : Representation::conditioned,
                              MomentMatching::off)
                         .at("train")
                         .values);
  }
  Mean const a(dense), b(conditioned);
  for (std::size_t k = 0; k < a.mean.size(); ++k)
    EXPECT_NEAR(a.mean[k], b.mean[k],
                4.5 * std::sqrt((a.variance[k] + b.variance[k]) / seeds) + 1e-12);
}

/// NTK of a network with one hidden layer of relu (Cho & Saul 2009), as the presets scale it.
double relu_ntk(Small const& x, Index i, Index j) {
  auto const dot = [&](Index a, Index b) {
    double sum = 0;
    for (Index k = 0; k < x.rows(); ++k) sum += x(k, a) * x(k, b);
    return sum / static_cast<double>(x.rows());
  };
  double const norms = std::sqrt(dot(i, i) * dot(j, j));
  double const c = std::clamp(dot(i, j) / norms, -1.0, 1.0), angle = std::acos(c);
  double const k = norms * (std::sin(angle) + (M_PI - angle) * c) / (2 * M_PI);
  return k + dot(i, j) * (M_PI - angle) / (2 * M_PI);
}

TEST(KernelRegime, approaches_training_by_the_exact_kernel) {
  Case const c{.hidden = 1, .preset = Preset::ntk, .steps = 20, .learning_rate = 0.5};
  Problem const problem(c);
  std::vector<double> exact(static_cast<std::size_t>(c.points)), outputs = exact;
  for (Index step = 0; step < c.steps; ++step) {
    auto next = exact;
    for (Index i = 0; i < c.points; ++i)
      for (Index j = 0; j < c.points; ++j)
        next[static_cast<std::size_t>(i)] -=
            c.learning_rate * relu_ntk(problem.x, i, j) *
            (exact[static_cast<std::size_t>(j)] - problem.y(0, j)) / static_cast<double>(c.points);
    exact = next;
    outputs.insert(outputs.end(), exact.begin(), exact.end());
  }
  std::vector<double> errors;
  for (Index const particles : {500, 4000, 32000}) {
    double square = 0;
    constexpr int seeds = 6;
    for (unsigned seed = 0; seed < seeds; ++seed) {
      double const error =
          largest_difference(problem.run(world(), particles, seed).at("train").values, outputs);
      square += error * error / seeds;
    }
    errors.push_back(std::sqrt(square));
  }
  // M^-1/2: each eightfold number of particles divides the error by 2.83.
  for (std::size_t k = 0; k + 1 < errors.size(); ++k) {
    EXPECT_GT(errors[k] / errors[k + 1], 1.7);
    EXPECT_LT(errors[k] / errors[k + 1], 4.7);
  }
  EXPECT_LT(errors.back(), 0.02);
}

TEST(Training, order_parameters_are_positive_semi_definite) {
  Problem const problem({.hidden = 2, .steps = 3});
  auto const record = problem.run(world(), 512, 3);
  std::mt19937_64 engine(4);
  std::normal_distribution<double> normal;
  for (std::string const path : {"feature_kernel/layer_1", "feature_kernel/layer_2",
                                 "gradient_kernel/layer_1", "gradient_kernel/layer_2"}) {
    auto const& kernel = record.at(path);
    ASSERT_EQ(kernel.shape, (std::vector<Index>{2, 5, 2, 5})) << path;
    for (int trial = 0; trial < 50; ++trial) {
      std::vector<double> v(10);
      for (double& value : v) value = normal(engine);
      double form = 0, size = 0;
      for (std::size_t i = 0; i < 10; ++i)
        for (std::size_t j = 0; j < 10; ++j) {
          form += v[i] * kernel.values[i * 10 + j] * v[j];
          size += std::fabs(v[i] * kernel.values[i * 10 + j] * v[j]);
        }
      EXPECT_GE(form, -1e-12 * size) << path;
    }
  }
}

TEST(Training, a_run_that_diverges_is_stopped_with_its_loss) {
  Problem const problem({.hidden = 1, .linear = true, .steps = 200, .learning_rate = 30});
  try {
    (void)problem.run(world(), 200, 1);
    FAIL();
  } catch (InputError const& e) {
    EXPECT_NE(std::string(e.what()).find("the loss is"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace widelimit::interpreter
