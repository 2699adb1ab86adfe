/// \file
/// Flow in function space by an adaptive solver.
#include "widelimit/regression/flow_equation.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/progress.hpp"

#include "cli/training_methods.hpp"

namespace widelimit::cli {
namespace {

using linalg::AdaptiveOde;
using linalg::OdeState;

/// Blocks in the unknowns; the number is the same on ranks without rows.
Index parts_of(DynamicsOptions const& job) {
  return job.optimizer.momentum ? 4 : 2;
}

TrainingRecord record_of(IteratedRun const& run, OdeState const& state) {
  TrainingRecord record;
  auto const size = static_cast<std::ptrdiff_t>(run.f0.size());
  auto from = state.y.begin();
  for (Index part = 0; part < parts_of(run.job()); ++part, from += size)
    record.blocks["y_" + std::to_string(part)] = {from, from + size};
  record.numbers["position"] = {state.time,
                                state.step,
                                state.error_before,
                                state.stabilized ? 1.0 : 0.0,
                                static_cast<double>(state.steps_in_a_row),
                                state.pair_step,
                                state.stay_until,
                                static_cast<double>(state.steps),
                                static_cast<double>(state.evaluations)};
  return record;
}

void read_state(IteratedRun const& run, TrainingRecord const& record, OdeState& state) {
  auto const& position = record.numbers.at("position");
  state.time = position.at(0);
  state.step = position.at(1);
  state.error_before = position.at(2);
  state.stabilized = position.at(3) != 0;
  state.steps_in_a_row = static_cast<Index>(position.at(4));
  state.pair_step = position.at(5);
  state.stay_until = position.at(6);
  state.steps = static_cast<Index>(position.at(7));
  state.evaluations = static_cast<Index>(position.at(8));
  state.y.clear();
  for (Index part = 0; part < parts_of(run.job()); ++part) {
    auto const& block = record.blocks.at("y_" + std::to_string(part));
    state.y.insert(state.y.end(), block.begin(), block.end());
  }
}

}  // namespace

void train_by_equation(IteratedRun& run) {
  auto& recorder = run.recorder;
  auto const& job = run.job();
  regression::FlowRule const rule{.rate = job.optimizer.learning_rate,
                                  .loss_scale = run.loss_scale,
                                  .ridge = run.ridge,
                                  .momentum = job.optimizer.momentum};
  regression::FlowEquation const equation(run.kernel, run.loss, rule, run.f0, run.y, run.outputs,
                                          *run.outcome.largest_eigenvalue, run.mean_diagonal);
  auto const solver = equation.solver(job.tolerance, run.go_on());
  auto state = equation.start();
  if (recorder.resumed()) read_state(run, *recorder.resumed(), state);
  auto const record = [&] { return record_of(run, state); };
  runtime::Progress progress("training", "of the time", job.times.back(), state.time);
  while (recorder.kept() < job.times.size()) {
    double const time = job.times[recorder.kept()];
    auto const end = solver.run(state, time, [&](OdeState const& now) {
      progress.update(now.time);
      return recorder.save_if_due(record);
    });
    run.outcome.steps = state.steps;
    if (end == AdaptiveOde::End::interrupted) recorder.save_or_stop(record);
    if (end == AdaptiveOde::End::too_small) {
      run.outcome.broken_key = "job.tolerance";
      run.outcome.broken_off = fmt::format(
          "steps of the differential equation shrink to nothing at time {:.6g}: raise the "
          "tolerance, or use precision: double. The results hold the times before",
          state.time);
      break;
    }
    if (end == AdaptiveOde::End::reached && state.time >= time)
      recorder.keep({time, 1, 1, equation.coefficients(state), equation.outputs(state)});
  }
  if (run.outcome.broken_off.empty()) recorder.save(record());
  progress.finish();
  runtime::log(runtime::Level::info, fmt::format("{} steps, {} products with the kernel",
                                                 state.steps, state.evaluations));
}

}  // namespace widelimit::cli
