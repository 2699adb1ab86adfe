#include "cli/program_problem.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/runtime/agree.hpp"

#include "cli/data_sources.hpp"
#include "cli/written_program.hpp"

namespace widelimit::cli {
namespace {

using interpreter::Small;

/// Upper triangular R with RᵀR = XᵀX, by reflections of the columns of X (Householder).
/// \param x  rows x cols, rows >= cols; destroyed. 2·rows·cols² flops.
Small triangular_factor(Small x) {
  Index const rows = x.rows(), cols = x.cols();
  for (Index k = 0; k < cols; ++k) {
    double* const v = x.data() + k * rows;
    double const norm = std::sqrt(std::inner_product(v + k, v + rows, v + k, 0.0));
    if (norm == 0) continue;
    double const head = v[k] > 0 ? -norm : norm;
    v[k] -= head;
    double const square = std::inner_product(v + k, v + rows, v + k, 0.0);
    for (Index j = k + 1; j < cols; ++j) {
      double* const w = x.data() + j * rows;
      double const factor = 2 * std::inner_product(v + k, v + rows, w + k, 0.0) / square;
      for (Index i = k; i < rows; ++i) w[i] -= factor * v[i];
    }
    v[k] = head;
    std::fill(v + k + 1, v + rows, 0.0);
  }
  Small r(cols, cols);
  for (Index j = 0; j < cols; ++j)
    for (Index i = 0; i <= j; ++i) r(i, j) = x(i, j);
  return r;
}

Small columns_of(Small const& s, Index begin, Index count) {
  Small part(s.rows(), count);
  std::copy_n(s.data() + begin * s.rows(), count * s.rows(), part.data());
  return part;
}

/// points x outputs, row-major, is outputs x points, column-major.
Small targets_of(linalg::ReplicatedMatrix const& targets) {
  Small result(targets.cols, targets.rows);
  result.values() = targets.values;
  return result;
}

/// Transposed, since programs sum over the rows of a pattern, and one copy for each point.
Small pattern_of(std::vector<double> const& values, Index nodes, Index points) {
  bool const shared = static_cast<Index>(values.size()) == nodes * nodes;
  Small result(nodes, nodes * points);
  for (Index point = 0; point < points; ++point)
    for (Index q = 0; q < nodes; ++q)
      for (Index p = 0; p < nodes; ++p)
        result(p, point * nodes + q) =
            values[static_cast<std::size_t>(((shared ? 0 : point) * nodes + q) * nodes + p)];
  return result;
}

/// 1 at the last position of each sequence.
Small ends_of(std::vector<Index> const& lengths, Index positions, Index points) {
  Small result(1, points * positions);
  for (Index point = 0; point < points; ++point) {
    Index const length = lengths.empty() ? positions : lengths[static_cast<std::size_t>(point)];
    result(0, point * positions + length - 1) = 1;
  }
  return result;
}

}  // namespace

ProgramOptions const* program_options(Job const& job) {
  if (auto const* limit = std::get_if<LimitOptions>(&job)) return limit;
  return std::get_if<FiniteOptions>(&job);
}

program::TrainingTask make_task(InputFile const& input, DataShapes const& shapes, Index outputs,
                                Index input_rows) {
  auto const& options = *program_options(input.job);
  program::TrainingTask task;
  task.network = input.network;
  task.input = program::input_layout(input.network, {shapes.positions(), shapes.channels, {}, {}});
  task.input_rows = input_rows;
  task.masked = shapes.masked;
  task.train_points = shapes.train;
  task.test_points = shapes.test;
  task.outputs = outputs;
  task.batch_size = options.batch_size;
  task.loss = options.loss;
  task.optimizer = options.optimizer;
  task.parametrization = options.parametrization;
  task.multipliers = options.multipliers;
  if (std::holds_alternative<FiniteOptions>(input.job)) task.width = options.particles;
  return task;
}

program::TrainingProgram program_of(InputFile const& input, program::TrainingTask const& task) {
  if (!input.program) return program::compile_training(task, input.path);
  check_written_program(*input.program,
                        {.positions = task.input.positions_count(),
                         .channels = task.input.channels,
                         .train = task.train_points,
                         .test = task.test_points,
                         .masked = task.masked,
                         .outputs = task.outputs,
                         .batch_size = task.batch_size},
                        input.path);
  program::TrainingProgram result;
  result.program = *input.program;
  result.classification.reason = "a program written out";
  return result;
}

ProgramProblem load_program(runtime::Communicator const& comm, InputFile const& input,
                            DataShapes const& shapes) {
  auto const& sets = input.data;
  auto train = io::read_rows<double>(comm, detail::inputs_of(input, "train", sets.train));
  std::vector<double> test;
  if (sets.test) test = io::read_rows<double>(comm, detail::inputs_of(input, "test", *sets.test));
  auto const targets = load_targets(comm, input, shapes);
  auto const train_arrays = detail::read_position_arrays(comm, input, "train", sets.train);
  detail::PositionArrays test_arrays;
  if (sets.test) test_arrays = detail::read_position_arrays(comm, input, "test", *sets.test);

  ProgramProblem problem;
  runtime::agree(comm, [&] {
    auto const valid = detail::valid_entries(train_arrays, shapes);
    gram::InputScaler const scaler(sets.inputs, train, shapes.train, shapes.features,
                                   sets.zca_epsilon, valid);
    scaler.apply(train, shapes.train, valid);
    if (sets.test) scaler.apply(test, shapes.test, detail::valid_entries(test_arrays, shapes));

    auto task = make_task(input, shapes, targets.train.cols, 1);
    Index const channels = task.input.channels;
    Index const train_columns = static_cast<Index>(train.size()) / channels;
    Index const test_columns = static_cast<Index>(test.size()) / channels;
    Small x(channels, train_columns + test_columns);
    std::ranges::copy(train, x.data());
    std::ranges::copy(test, x.data() + train.size());
    // Random weights see of the inputs their products alone: fewer rows, fewer random columns. A
    // finite network keeps its weights, a program written out its inputs.
    if (!task.width && !input.program && x.cols() < channels) x = triangular_factor(std::move(x));
    task.input_rows = x.rows();
    problem.compiled = program_of(input, task);
    problem.data["train_inputs"] = columns_of(x, 0, train_columns);
    problem.targets = problem.data["train_targets"] = targets_of(targets.train);
    problem.classes = targets.classes;
    for (auto const& [name, values] : train_arrays.patterns)
      problem.data["train_pattern_" + name] = pattern_of(values, shapes.axes[0], shapes.train);
    if (task.masked)
      problem.data["train_lengths"] = ends_of(train_arrays.lengths, shapes.axes[0], shapes.train);
    if (!sets.test) return;
    if (task.masked)
      problem.data["test_lengths"] = ends_of(test_arrays.lengths, shapes.axes[0], shapes.test);
    problem.data["test_inputs"] = columns_of(x, train_columns, test_columns);
    problem.has_test_targets = targets.test.has_value();
    problem.data["test_targets"] = problem.has_test_targets
                                       ? targets_of(*targets.test)
                                       : Small(targets.train.cols, shapes.test);
    for (auto const& [name, values] : test_arrays.patterns)
      problem.data["test_pattern_" + name] = pattern_of(values, shapes.axes[0], shapes.test);
  });
  return problem;
}

interpreter::TrainingSchedule make_schedule(ProgramOptions const& options, Index points) {
  interpreter::TrainingSchedule schedule;
  for (Index step = 0; step < options.steps; ++step) {
    double const done = static_cast<double>(step) / static_cast<double>(options.steps);
    double factor = 1;
    if (options.decay == ProgramOptions::Decay::linear) factor = 1 - done;
    if (options.decay == ProgramOptions::Decay::cosine) factor = (1 + std::cos(M_PI * done)) / 2;
    schedule.learning_rates.push_back(options.learning_rate * factor);
  }
  schedule.kernels_at = options.kernels_at;
  schedule.densities_at = options.densities_at;
  schedule.alignment_at = options.alignment_at;
  Index const batch = options.batch_size;
  if (batch == ProgramOptions::all_points || batch >= points) return schedule;

  constexpr std::uint32_t order_object = 0xffffffffU;  // no value of a program has this number
  Index const in_epoch = points / batch;
  std::vector<Index> order(static_cast<std::size_t>(points));
  std::vector<double> keys(order.size());
  for (Index step = 0; step < options.steps; ++step) {
    Index const epoch = step / in_epoch, at = step % in_epoch;
    if (at == 0) {
      interpreter::fill_gaussian(static_cast<std::uint64_t>(options.seed), order_object,
                                 {0, points}, {epoch, epoch + 1}, keys.data(), points);
      std::iota(order.begin(), order.end(), Index{0});
      std::ranges::sort(order, {},
                        [&](Index point) { return keys[static_cast<std::size_t>(point)]; });
    }
    auto const begin = order.begin() + at * batch;
    schedule.batches.emplace_back(begin, begin + batch);
  }
  return schedule;
}

interpreter::ExecutorOptions executor_options(ProgramOptions const& options, Index number) {
  interpreter::ExecutorOptions result;
  result.particles = number < options.replicates ? options.particles : options.particles / 2;
  result.representation = options.representation;
  result.tolerance = options.tolerance;
  result.matching =
      options.moment_matching ? interpreter::MomentMatching::on : interpreter::MomentMatching::off;
  result.exact_zeros = options.moment_matching;
  result.seed = static_cast<std::uint64_t>(number) << 32 | static_cast<std::uint64_t>(options.seed);
  result.steps = options.steps;
  return result;
}

}  // namespace widelimit::cli
