/// \file
/// Gradient descent and SGD in function space.
#include "widelimit/regression/function_space_training.hpp"
#include "widelimit/regression/gradient_flow.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/progress.hpp"

#include "cli/homogeneous.hpp"
#include "cli/training_methods.hpp"

namespace widelimit::cli {
namespace {

using regression::StepRule;
using regression::TrainingState;

StepRule rule_of(IteratedRun const& run) {
  auto const& optimizer = run.job().optimizer;
  bool const to_zero = optimizer.decay_towards == TrainingOptions::Towards::zero;
  // The ridge has what the decay towards the start adds to it.
  return {
      .rate = optimizer.learning_rate,
      .momentum = optimizer.momentum.value_or(0),
      .nesterov = optimizer.nesterov,
      .decay = run.ridge * run.loss_scale + (to_zero ? optimizer.weight_decay : 0),
      .loss_scale = run.loss_scale,
      .degree = to_zero && optimizer.weight_decay > 0 ? require_homogeneous(run.context.input) : 0};
}

TrainingRecord record_of(TrainingState const& state) {
  TrainingRecord record;
  record.blocks = {{"a", state.a},
                   {"velocity", state.velocity},
                   {"k_a", state.k_a},
                   {"k_velocity", state.k_velocity}};
  record.numbers["position"] = {static_cast<double>(state.step), state.start, state.start_velocity};
  return record;
}

void read_state(TrainingRecord const& record, TrainingState& state) {
  auto const& position = record.numbers.at("position");
  state.step = static_cast<Index>(position.at(0));
  state.start = position.at(1);
  state.start_velocity = position.at(2);
  state.a = record.blocks.at("a");
  state.velocity = record.blocks.at("velocity");
  state.k_a = record.blocks.at("k_a");
  state.k_velocity = record.blocks.at("k_velocity");
}

double stable_rate(IteratedRun const& run, StepRule const& rule) {
  double const curved = regression::largest_curvature(run.loss) * *run.outcome.largest_eigenvalue +
                        rule.decay / run.loss_scale;
  return rule.nesterov
             ? regression::largest_stable_rate_nesterov(curved, run.loss_scale, rule.momentum)
             : regression::largest_stable_rate(curved, run.loss_scale, rule.momentum);
}

void break_off_diverged(IteratedRun& run, Index step, StepRule const& rule) {
  auto& outcome = run.outcome;
  outcome.broken_key = "job.optimizer.learning_rate";
  outcome.broken_off =
      fmt::format("the loss is not finite any more at step {}: a learning_rate of {} is too large",
                  step, rule.rate);
  if (outcome.largest_eigenvalue)
    outcome.broken_off +=
        fmt::format("; steps on all points are stable up to about {:.3g}", stable_rate(run, rule));
  outcome.broken_off += ". The results hold the steps before";
}

}  // namespace

void train_in_steps(IteratedRun& run) {
  auto& recorder = run.recorder;
  auto const& steps = run.job().steps;
  auto const rule = rule_of(run);
  regression::FunctionSpaceTraining const training(run.kernel, run.loss, rule, run.f0, run.y,
                                                   run.outputs);
  auto state = training.start();
  if (recorder.resumed()) read_state(*recorder.resumed(), state);
  std::optional<regression::BatchOrder> order;
  if (run.job().optimizer.type == TrainingOptions::Type::sgd)
    order.emplace(batch_order(run.context));

  Index const last = steps.back();
  runtime::Progress progress("training", "steps", static_cast<double>(last),
                             static_cast<double>(state.step));
  auto const record = [&] { return record_of(state); };
  while (true) {
    if (recorder.kept() < steps.size() && state.step == steps[recorder.kept()])
      recorder.keep({static_cast<double>(state.step), training.start_factor(state),
                     training.gain(state), state.a, training.outputs(state)});
    run.outcome.steps = state.step;
    if (state.step == last) break;
    if (order) {
      training.step(state, order->batch(state.step));
    } else {
      training.step(state, run.go_on());  // interrupted: as before, and what follows ends the run
    }
    if (!recorder.save_or_stop(record, state.k_a)) {
      break_off_diverged(run, state.step, rule);
      break;
    }
    progress.update(static_cast<double>(state.step));
  }
  if (run.outcome.broken_off.empty()) recorder.save(record());
  progress.finish();
}

}  // namespace widelimit::cli
