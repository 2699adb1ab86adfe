#include "cli/check.hpp"

#include <algorithm>
#include <chrono>
#include <random>

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

/// Seconds an entry of a tile takes on this rank, from tiles of random points with as many
/// features.
template <class Real>
double seconds_per_entry(InputFile const& input, Index features) {
  constexpr Index n = 512;
  std::mt19937_64 engine(1);
  std::normal_distribution<double> normal;
  std::vector<Real> x(static_cast<std::size_t>(n * features));
  for (Real& value : x) value = static_cast<Real>(normal(engine));
  auto rows = gram::prepare_points(x, n, features);
  auto cols = rows;
  auto const program = gram::bind(gram::compile(input.network), std::vector{&rows, &cols});
  gram::TileEvaluator<Real> const evaluate(program, rows, cols, gram::Output::ntk);
  std::vector<Real> tile(static_cast<std::size_t>(n * n));
  auto const run = [&] { evaluate({0, n}, {0, n}, nullptr, tile.data(), n); };
  run();  // the first one starts threads and touches memory
  double best = 1e300;
  for (int k = 0; k < 3; ++k) {
    auto const start = Clock::now();
    run();
    best = std::min(best, seconds_since(start));
  }
  return best / (n * n);
}

/// The lines on the network of a job with kernels.
std::string describe_network(InputFile const& input, DataShapes const& shapes) {
  auto const compiled = gram::compile(input.network);
  return fmt::format(
             "network    {} weight layers, {} element-wise layers, {} register{}, about {:.3g} "
             "flops an entry\n",
             compiled.dense_layers, compiled.element_wise_layers, compiled.n_registers,
             compiled.n_registers == 1 ? "" : "s", gram::flops_per_entry(compiled)) +
         network::describe(input.network, shapes.positions(), 11);
}

/// The time that entries of Gram matrices take. Collective.
std::string describe_time(runtime::Communicator const& comm, InputFile const& input,
                          DataShapes const& shapes, ResourcePlan const& plan) {
  bool const is_double = input.precision == Precision::double_;
  double const entry_s = comm.max(is_double ? seconds_per_entry<double>(input, shapes.features)
                                            : seconds_per_entry<float>(input, shapes.features));
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
