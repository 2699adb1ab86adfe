#include "cli/check.hpp"

#include <algorithm>
#include <chrono>
#include <random>

#include "widelimit/gram/tile_evaluator.hpp"
#include "widelimit/network/describe.hpp"
#include "widelimit/runtime/environment.hpp"
#include "widelimit/runtime/log.hpp"

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

}  // namespace

std::string check_report(runtime::Communicator const& comm, InputFile const& input,
                         DataShapes const& shapes, ResourcePlan const& plan) {
  bool const is_double = input.precision == Precision::double_;
  double entry_s = is_double ? seconds_per_entry<double>(input, shapes.features)
                             : seconds_per_entry<float>(input, shapes.features);
  entry_s = comm.max(entry_s);
  auto const compiled = gram::compile(input.network);
  std::string text;
  if (!input.title.empty()) text += "title      " + input.title + "\n";
  text += fmt::format("job        {}\n",
                      std::holds_alternative<GramOptions>(input.job) ? "gram" : "regression");
  text += "regime     kernel: NNGP and NTK of the network at infinite width\n";
  text += fmt::format("data       {} training points, {} test points, {} features\n", shapes.train,
                      shapes.test, shapes.features);
  text += fmt::format("precision  {}\n", to_string(input.precision));
  text += fmt::format(
      "network    {} weight layers, {} element-wise layers, {} register{}, about {:.3g} flops an "
      "entry\n",
      compiled.dense_layers, compiled.element_wise_layers, compiled.n_registers,
      compiled.n_registers == 1 ? "" : "s", gram::flops_per_entry(compiled));
  text += network::describe(input.network, 11);
  text += describe(plan, comm.size());
  text += fmt::format(
      "time       gram about {} on {} rank{} of {} thread{} ({} an entry, measured now)\n",
      runtime::format_seconds(plan.gram_entries * entry_s / comm.size()), comm.size(),
      comm.size() == 1 ? "" : "s", runtime::Environment::threads(),
      runtime::Environment::threads() == 1 ? "" : "s", runtime::format_seconds(entry_s));
  if (plan.regression && plan.regression->iteration_entries > 0) {
    text += fmt::format(
        "           each iteration about {}\n",
        runtime::format_seconds(plan.regression->iteration_entries * entry_s / comm.size()));
  }
  text += "output     " + input.output.file + "\n";
  if (input.checkpoint.enabled) {
    bool const gram = std::holds_alternative<GramOptions>(input.job);
    text += "checkpoint " +
            (gram ? input.output.file + ".partial"
                  : checkpoint_path(input.checkpoint, input.output.file)) +
            "\n";
  }
  return text;
}

}  // namespace widelimit::cli
