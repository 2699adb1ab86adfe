/// \file
/// Flow in function space by Krylov spaces.
#include <cmath>

#include "widelimit/regression/krylov_flow.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/training_methods.hpp"

namespace widelimit::cli {
namespace {

using regression::KrylovFlow;
using regression::KrylovState;

KrylovState start(IteratedRun const& run) {
  KrylovState state;
  state.residual = run.y;
  for (std::size_t i = 0; i < state.residual.size(); ++i) state.residual[i] -= run.f0[i];
  state.a.assign(run.y.size(), 0.0);
  return state;
}

TrainingRecord record_of(KrylovState const& state) {
  TrainingRecord record;
  record.blocks = {{"a", state.a}, {"residual", state.residual}};
  record.numbers["position"] = {state.time, state.error, static_cast<double>(state.products)};
  return record;
}

void read_state(TrainingRecord const& record, KrylovState& state) {
  auto const& position = record.numbers.at("position");
  state.time = position.at(0);
  state.error = position.at(1);
  state.products = static_cast<Index>(position.at(2));
  state.a = record.blocks.at("a");
  state.residual = record.blocks.at("residual");
}

}  // namespace

void train_by_krylov(IteratedRun& run) {
  auto& recorder = run.recorder;
  auto const& job = run.job();
  auto const product = [&run](double const* x, Index columns, double* y) {
    if (!run.kernel.multiply(x, columns, y, run.go_on())) return false;
    for (Index i = 0; i < run.rows.local_size() * columns; ++i) y[i] += run.ridge * x[i];
    return true;
  };
  KrylovFlow const flow(
      run.rows, product,
      {.rate = job.optimizer.learning_rate,
       .scale = run.loss_scale,
       .momentum = job.optimizer.momentum},
      run.outputs,
      {.tolerance = job.tolerance,
       .most_vectors = static_cast<Index>(krylov_vectors(run.rows.size(), run.outputs))});
  auto state = start(run);
  auto scale = run.rows.dots(state.residual.data(), state.residual.data(), run.outputs);
  for (double& one : scale) one = one > 0 ? std::sqrt(one) : 1;
  if (recorder.resumed()) read_state(*recorder.resumed(), state);
  std::vector<double> const times(job.times.begin() + static_cast<std::ptrdiff_t>(recorder.kept()),
                                  job.times.end());
  auto const end = flow.run(state, times, scale, [&](double time, auto const& a, auto const& r) {
    auto train = run.y;
    for (std::size_t i = 0; i < train.size(); ++i) train[i] -= r[i] + run.ridge * a[i];
    recorder.keep({time, 1, 1, a, std::move(train)});
  });
  auto const record = [&] { return record_of(state); };
  if (end == KrylovFlow::End::interrupted) recorder.save_or_stop(record);
  run.outcome.steps = state.products;
  run.outcome.error_bound = state.error;
  if (end == KrylovFlow::End::stagnated) {
    run.outcome.broken_key = "job.method";
    run.outcome.broken_off = fmt::format(
        "Lanczos did not reach the tolerance {:.2g} at time {:g} after {} products with the "
        "kernel: set a ridge or a higher tolerance, use method: ode for finite times, or a job "
        "of type regression for infinite time. The results hold the times before",
        job.tolerance, job.times[recorder.kept()], state.products);
  } else {
    recorder.save(record());
  }
  runtime::log(runtime::Level::info, fmt::format("{} products with the kernel, error bound {:.2g}",
                                                 state.products, state.error));
}

}  // namespace widelimit::cli
