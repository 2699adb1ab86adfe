#include "cli/check.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <sstream>

#include "widelimit/gram/tile_evaluator.hpp"
#include "widelimit/network/describe.hpp"
#include "widelimit/runtime/environment.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/jobs.hpp"

namespace widelimit::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Random points of this shape, whole sequences on complete graphs.
template <class Real>
gram::Points<Real> random_points(InputFile const& input, DataShapes const& shapes, Index n) {
  std::mt19937_64 engine(1);
  std::normal_distribution<double> normal;
  std::vector<Real> x(static_cast<std::size_t>(n * shapes.features));
  for (Real& value : x) value = static_cast<Real>(normal(engine));
  auto points = gram::prepare_points(x, n, shapes.features);
  if (shapes.masked) points.positions.lengths.assign(static_cast<std::size_t>(n), shapes.axes[0]);
  for (auto const& [name, nodes] : input_shape(input, shapes).patterns) {
    auto& pattern = points.positions.patterns[name];
    pattern.shared = true;
    pattern.values.assign(static_cast<std::size_t>(nodes * nodes), 1 / static_cast<Real>(nodes));
  }
  return points;
}

/// Seconds an entry of a tile takes on this rank, from tiles of random points. Tiles grow until
/// they take long enough to be measured.
template <class Real>
double seconds_per_entry(InputFile const& input, DataShapes const& shapes) {
  constexpr Index largest = 512;
  constexpr Index vector = 16;  // points that one instruction may work on
  constexpr double long_enough = 0.1;
  Index n_rows = shapes.n_axes == 0 ? largest : runtime::Environment::threads();
  for (;; n_rows *= 2) {
    Index const n_cols = std::max(n_rows, vector);
    auto rows = random_points<Real>(input, shapes, n_rows);
    auto cols = random_points<Real>(input, shapes, n_cols);
    auto const program = gram::bind(compile_network(input, shapes), std::vector{&rows, &cols});
    gram::TileEvaluator<Real> const evaluate(program, rows, cols, gram::Output::ntk);
    std::vector<Real> tile(static_cast<std::size_t>(n_rows * n_cols));
    auto const seconds = [&] {
      auto const start = Clock::now();
      evaluate({0, n_rows}, {0, n_cols}, nullptr, tile.data(), n_cols);
      return seconds_since(start);
    };
    double best = seconds();  // starts threads and touches memory
    if (best < 10 * long_enough)
      for (int k = 0; k < 3; ++k) best = std::min(best, seconds());
    if (best > long_enough || n_rows >= largest) return best / static_cast<double>(n_rows * n_cols);
  }
}

/// The stages of a network with positions: layers that share planes of pairs of positions.
std::string describe_stages(gram::Plan const& compiled, Precision precision) {
  if (!compiled.positions) return "";
  std::istringstream lines(gram::describe(
      *compiled.positions, precision == Precision::double_ ? sizeof(double) : sizeof(float)));
  std::string text;
  for (std::string line; std::getline(lines, line);) text += "           " + line + "\n";
  return text;
}

/// The lines on the network of a job with kernels.
std::string describe_network(InputFile const& input, DataShapes const& shapes) {
  auto const compiled = compile_network(input, shapes);
  return fmt::format(
             "network    {} weight layers, {} element-wise layers, {} register{}, about {:.3g} "
             "flops an entry\n",
             network::count_weight_layers(input.network), network::count_activations(input.network),
             compiled.n_registers, compiled.n_registers == 1 ? "" : "s",
             gram::flops_per_entry(compiled)) +
         network::describe(input.network, shapes.positions(), 11) +
         describe_stages(compiled, input.precision);
}

/// The time that entries of Gram matrices take. Collective.
std::string describe_time(runtime::Communicator const& comm, InputFile const& input,
                          DataShapes const& shapes, ResourcePlan const& plan) {
  bool const is_double = input.precision == Precision::double_;
  double const entry_s = comm.max(is_double ? seconds_per_entry<double>(input, shapes)
                                            : seconds_per_entry<float>(input, shapes));
  auto const time = [&](double entries) {
    return runtime::format_seconds(entries * entry_s / comm.size());
  };
  int const threads = runtime::Environment::threads();
  std::string text = fmt::format(
      "time       gram about {} on {} rank{} of {} thread{} ({} an entry, measured now)\n",
      time(plan.gram_entries), comm.size(), comm.size() == 1 ? "" : "s", threads,
      threads == 1 ? "" : "s", runtime::format_seconds(entry_s));
  if (plan.iteration_entries > 0)
    text += fmt::format("           each iteration about {}\n", time(plan.iteration_entries));
  return text;
}

}  // namespace

std::string check_report(runtime::Communicator const& comm, InputFile const& input,
                         DataShapes const& shapes, ResourcePlan const& plan) {
  JobKind const& job = kind_of(input.job);
  bool const has_kernels = plan.gram_entries > 0;
  std::string text;
  if (!input.title.empty()) text += "title      " + input.title + "\n";
  text += fmt::format("job        {}\n", job.name);
  if (has_kernels) text += "regime     kernel: NNGP and NTK of the network at infinite width\n";
  text += fmt::format("data       {} training points, {} test points, {}\n", shapes.train,
                      shapes.test, shapes.point_text());
  text += fmt::format("precision  {}\n", to_string(input.precision));
  if (has_kernels) text += describe_network(input, shapes);
  text += describe(plan, comm.size());
  if (has_kernels) text += describe_time(comm, input, shapes, plan);
  text += "output     " + input.output.file + "\n";
  if (input.checkpoint.enabled) {
    text += "checkpoint " +
            (job.results_are_checkpoint ? input.output.file + ".partial"
                                        : checkpoint_path(input.checkpoint, input.output.file)) +
            "\n";
  }
  return text;
}

}  // namespace widelimit::cli
