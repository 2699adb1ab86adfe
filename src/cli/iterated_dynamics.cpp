#include "cli/iterated_dynamics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "widelimit/linalg/local_columns.hpp"
#include "widelimit/regression/flow_equation.hpp"
#include "widelimit/regression/function_space_training.hpp"
#include "widelimit/regression/krylov_flow.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/progress.hpp"

#include "cli/homogeneous.hpp"
#include "cli/training_kernel.hpp"

namespace widelimit::cli {
namespace {

using linalg::ReplicatedMatrix;
using regression::Loss;
using regression::TrainingKernel;
using Block = std::vector<double>;

/// What is kept of one time: this rank's rows, column-major.
struct KeptPoint {
  double time, start, gain;
  Block a, train;
};

template <class Real>
class IteratedDynamics {
 public:
  IteratedDynamics(RunContext& context, DynamicsProblem<Real> const& problem,
                   TrainingCheckpoint* checkpoint)
      : context_(context),
        job_(std::get<DynamicsOptions>(context.input.job)),
        plan_(std::get<DynamicsPlan>(context.plan.choice)),
        problem_(problem),
        checkpoint_(checkpoint),
        rows_(context.comm, context.shapes.train),
        outputs_(problem.outputs()),
        f0_(linalg::local_columns(rows_, problem.start)),
        y_(linalg::local_columns(rows_, problem.targets.train)) {
    if (job_.loss == DynamicsOptions::Loss::cross_entropy)
      loss_ = outputs_ == 1 ? Loss::logistic : Loss::softmax;
  }

  IteratedOutcome run() {
    if (checkpoint_ != nullptr && context_.command.resume && checkpoint_->exists()) read_record();
    kernel_ =
        make_training_kernel(context_, rows_, *problem_.points, problem_.kernel, plan_.stored);
    {
      runtime::Region const region(context_.timings, "training");
      find_largest_eigenvalue();
      switch (plan_.method) {
        case DynamicsPlan::Method::steps:
          train_in_steps();
          break;
        case DynamicsPlan::Method::ode:
          solve_equation();
          break;
        default:
          follow_krylov();
      }
    }
    for (auto& point : kept_) {
      outcome_.trajectory.push_back({.time = point.time,
                                     .coefficients = linalg::replicated(rows_, point.a, outputs_),
                                     .train = linalg::replicated(rows_, point.train, outputs_),
                                     .start = point.start,
                                     .gain = point.gain});
      point = {};
    }
    return std::move(outcome_);
  }

 private:
  // --- the kernel

  /// Where it costs little beside the training.
  void find_largest_eigenvalue() {
    bool const few_entries = plan_.method == DynamicsPlan::Method::steps && !plan_.stored &&
                             job_.optimizer.type == TrainingOptions::Type::sgd;
    if (few_entries) return;
    auto const found = regression::largest_eigenvalue(*kernel_, plan_.stored ? 60 : 8,
                                                      plan_.stored ? 1e-8 : 1e-3, go_on());
    if (!found) context_.stop_if_asked();
    outcome_.largest_eigenvalue = found;
  }

  std::function<bool()> go_on() const {
    return [this] { return !context_.stop.pending(); };
  }

  // --- the record of a run

  void save(TrainingRecord record) {
    for (std::size_t k = 0; k < kept_.size(); ++k) {
      auto const number = std::to_string(k);
      record.blocks["kept_a_" + number] = kept_[k].a;
      record.blocks["kept_train_" + number] = kept_[k].train;
      // Files of data hold finite numbers alone.
      double const time = std::isinf(kept_[k].time) ? -1 : kept_[k].time;
      record.numbers["kept_" + number] = {time, kept_[k].start, kept_[k].gain};
    }
    checkpoint_->write(record);
  }

  void read_record() {
    record_ = checkpoint_->read();
    for (std::size_t k = 0;; ++k) {
      auto const number = std::to_string(k);
      auto const found = record_->numbers.find("kept_" + number);
      if (found == record_->numbers.end()) break;
      auto const& numbers = found->second;
      double const time =
          numbers.at(0) < 0 ? std::numeric_limits<double>::infinity() : numbers.at(0);
      kept_.push_back({time, numbers.at(1), numbers.at(2), record_->blocks.at("kept_a_" + number),
                       record_->blocks.at("kept_train_" + number)});
    }
    runtime::log(runtime::Level::info, fmt::format("going on from {}, with {} kept times",
                                                   checkpoint_->file(), kept_.size()));
  }

  /// Saves where it is time, and ends the run where that was asked. Collective, one message.
  /// \return  whether `block` has finite entries alone
  template <class F>
  bool save_or_stop(F const& record, Block const& block = {}) {
    bool const finite =
        std::ranges::all_of(block, [](double value) { return std::isfinite(value); });
    double standing[] = {context_.stop.pending() ? 1.0 : 0.0,
                         checkpoint_ != nullptr && checkpoint_->due_here() ? 1.0 : 0.0,
                         finite ? 0.0 : 1.0};
    context_.comm.sum(standing, 3);
    bool const stop = standing[0] > 0;
    if (standing[2] > 0) return false;
    if (checkpoint_ != nullptr && (stop || standing[1] > 0)) save(record());
    if (stop) context_.stop_if_asked();
    return true;
  }

  // --- steps

  void train_in_steps() {
    auto const& optimizer = job_.optimizer;
    bool const to_zero = optimizer.decay_towards == TrainingOptions::Towards::zero;
    regression::StepRule const rule{
        .rate = optimizer.learning_rate,
        .momentum = optimizer.momentum.value_or(0),
        .nesterov = optimizer.nesterov,
        // The ridge has what the decay towards the start adds to it.
        .decay = problem_.ridge * problem_.loss_scale + (to_zero ? optimizer.weight_decay : 0),
        .loss_scale = problem_.loss_scale,
        .degree = to_zero && optimizer.weight_decay > 0 ? require_homogeneous(context_.input) : 0};
    regression::FunctionSpaceTraining const training(*kernel_, loss_, rule, f0_, y_, outputs_);
    auto state = training.start();
    if (record_) read_state(state);
    bool const batches = optimizer.type == TrainingOptions::Type::sgd;
    std::optional<regression::BatchOrder> order;
    if (batches) order.emplace(batch_order(context_));

    Index const last = job_.steps.back();
    runtime::Progress progress("training", "steps", static_cast<double>(last),
                               static_cast<double>(state.step));
    auto const record = [&] { return record_of(state); };
    while (true) {
      if (kept_.size() < job_.steps.size() && state.step == job_.steps[kept_.size()])
        kept_.push_back({static_cast<double>(state.step), training.start_factor(state),
                         training.gain(state), state.a, training.outputs(state)});
      outcome_.steps = state.step;
      if (state.step == last) break;
      if (batches) {
        training.step(state, order->batch(state.step));
      } else {
        training.step(state, go_on());  // interrupted: as before, and what follows ends the run
      }
      if (!save_or_stop(record, state.k_a)) {
        break_off_diverged(state.step, rule);
        break;
      }
      progress.update(static_cast<double>(state.step));
    }
    if (checkpoint_ != nullptr && outcome_.broken_off.empty()) save(record());
    progress.finish();
  }

  static TrainingRecord record_of(regression::TrainingState const& state) {
    TrainingRecord record;
    record.blocks = {{"a", state.a},
                     {"velocity", state.velocity},
                     {"k_a", state.k_a},
                     {"k_velocity", state.k_velocity}};
    record.numbers["position"] = {static_cast<double>(state.step), state.start,
                                  state.start_velocity};
    return record;
  }

  void read_state(regression::TrainingState& state) const {
    auto const& position = record_->numbers.at("position");
    state.step = static_cast<Index>(position.at(0));
    state.start = position.at(1);
    state.start_velocity = position.at(2);
    state.a = record_->blocks.at("a");
    state.velocity = record_->blocks.at("velocity");
    state.k_a = record_->blocks.at("k_a");
    state.k_velocity = record_->blocks.at("k_velocity");
  }

  void break_off_diverged(Index step, regression::StepRule const& rule) {
    outcome_.broken_key = "job.optimizer.learning_rate";
    outcome_.broken_off = fmt::format(
        "the loss is not finite any more at step {}: a learning_rate of {} is too large", step,
        rule.rate);
    if (outcome_.largest_eigenvalue)
      outcome_.broken_off +=
          fmt::format("; steps on all points are stable up to about {:.3g}", stable_rate(rule));
    outcome_.broken_off += ". The results hold the steps before";
  }

  double stable_rate(regression::StepRule const& rule) const {
    double const curved = regression::largest_curvature(loss_) * *outcome_.largest_eigenvalue +
                          rule.decay / problem_.loss_scale;
    return rule.nesterov
               ? regression::largest_stable_rate_nesterov(curved, problem_.loss_scale,
                                                          rule.momentum)
               : regression::largest_stable_rate(curved, problem_.loss_scale, rule.momentum);
  }

  // --- differential equations

  void solve_equation() {
    auto const& optimizer = job_.optimizer;
    regression::FlowRule const rule{.rate = optimizer.learning_rate,
                                    .loss_scale = problem_.loss_scale,
                                    .ridge = problem_.ridge,
                                    .momentum = optimizer.momentum};
    regression::FlowEquation const equation(*kernel_, loss_, rule, f0_, y_, outputs_,
                                            *outcome_.largest_eigenvalue, mean_diagonal());
    auto const solver = equation.solver(job_.tolerance, go_on());
    auto state = equation.start();
    if (record_) read_state(state);
    auto const record = [&] { return record_of(state); };
    runtime::Progress progress("training", "of the time", job_.times.back(), state.time);
    while (kept_.size() < job_.times.size()) {
      double const time = job_.times[kept_.size()];
      auto const end = solver.run(state, time, [&](linalg::OdeState const& now) {
        progress.update(now.time);
        double standing[] = {context_.stop.pending() ? 1.0 : 0.0,
                             checkpoint_ != nullptr && checkpoint_->due_here() ? 1.0 : 0.0};
        context_.comm.sum(standing, 2);
        if (standing[1] > 0) save(record());
        return standing[0] > 0;
      });
      outcome_.steps = state.steps;
      if (end == linalg::AdaptiveOde::End::interrupted) save_or_stop(record);
      if (end == linalg::AdaptiveOde::End::too_small) {
        outcome_.broken_key = "job.tolerance";
        outcome_.broken_off = fmt::format(
            "steps of the differential equation shrink to nothing at time {:.6g}: raise the "
            "tolerance, or use precision: double. The results hold the times before",
            state.time);
        break;
      }
      if (end == linalg::AdaptiveOde::End::reached && state.time >= time)
        kept_.push_back({time, 1, 1, equation.coefficients(state), equation.outputs(state)});
    }
    if (checkpoint_ != nullptr && outcome_.broken_off.empty()) save(record());
    progress.finish();
    runtime::log(runtime::Level::info, fmt::format("{} steps, {} products with the kernel",
                                                   state.steps, state.evaluations));
  }

  TrainingRecord record_of(linalg::OdeState const& state) const {
    TrainingRecord record;
    auto const size = static_cast<std::ptrdiff_t>(f0_.size());
    Index part = 0;
    for (auto from = state.y.begin(); part < parts_of(state.y); from += size, ++part)
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

  /// Blocks in the unknowns; the number is the same on ranks without rows.
  Index parts_of(Block const&) const { return job_.optimizer.momentum ? 4 : 2; }

  void read_state(linalg::OdeState& state) const {
    auto const& position = record_->numbers.at("position");
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
    for (Index part = 0; part < parts_of(state.y); ++part) {
      auto const& block = record_->blocks.at("y_" + std::to_string(part));
      state.y.insert(state.y.end(), block.begin(), block.end());
    }
  }

  double mean_diagonal() const {
    auto const diagonal = diagonal_of(problem_.points->train, problem_.kernel);
    return std::accumulate(diagonal.begin(), diagonal.end(), 0.0) /
           static_cast<double>(diagonal.size());
  }

  // --- Krylov spaces

  void follow_krylov() {
    auto const product = [this](double const* x, Index columns, double* y) {
      if (!kernel_->multiply(x, columns, y, go_on())) return false;
      for (Index i = 0; i < rows_.local_size() * columns; ++i) y[i] += problem_.ridge * x[i];
      return true;
    };
    regression::KrylovFlow const flow(
        rows_, product,
        {.rate = job_.optimizer.learning_rate,
         .scale = problem_.loss_scale,
         .momentum = job_.optimizer.momentum},
        outputs_,
        {.tolerance = job_.tolerance,
         .most_vectors = static_cast<Index>(krylov_vectors(rows_.size()))});
    regression::KrylovState state;
    state.residual = y_;
    for (std::size_t i = 0; i < y_.size(); ++i) state.residual[i] -= f0_[i];
    state.a.assign(y_.size(), 0.0);
    auto scale = rows_.dots(state.residual.data(), state.residual.data(), outputs_);
    for (double& one : scale) one = one > 0 ? std::sqrt(one) : 1;
    if (record_) {
      auto const& position = record_->numbers.at("position");
      state.time = position.at(0);
      state.error = position.at(1);
      state.products = static_cast<Index>(position.at(2));
      state.a = record_->blocks.at("a");
      state.residual = record_->blocks.at("residual");
    }
    std::vector<double> const times(job_.times.begin() + static_cast<std::ptrdiff_t>(kept_.size()),
                                    job_.times.end());
    auto const end =
        flow.run(state, times, scale, [&](double time, Block const& a, Block const& residual) {
          auto train = y_;
          for (std::size_t i = 0; i < train.size(); ++i)
            train[i] -= residual[i] + problem_.ridge * a[i];
          kept_.push_back({time, 1, 1, a, std::move(train)});
        });
    auto const record = [&] {
      TrainingRecord result;
      result.blocks = {{"a", state.a}, {"residual", state.residual}};
      result.numbers["position"] = {state.time, state.error, static_cast<double>(state.products)};
      return result;
    };
    if (end == regression::KrylovFlow::End::interrupted) save_or_stop(record);
    outcome_.steps = state.products;
    outcome_.error_bound = state.error;
    if (end == regression::KrylovFlow::End::stagnated) {
      outcome_.broken_key = "job.method";
      outcome_.broken_off = fmt::format(
          "Lanczos did not reach the tolerance {:.2g} at time {:g} after {} products with the "
          "kernel: set a ridge or a higher tolerance, use method: ode for finite times, or a job "
          "of type regression for infinite time. The results hold the times before",
          job_.tolerance, job_.times[kept_.size()], state.products);
    } else if (checkpoint_ != nullptr) {
      save(record());
    }
    runtime::log(runtime::Level::info,
                 fmt::format("{} products with the kernel, error bound {:.2g}", state.products,
                             state.error));
  }

  RunContext& context_;
  DynamicsOptions const& job_;
  DynamicsPlan const& plan_;
  DynamicsProblem<Real> const& problem_;
  TrainingCheckpoint* checkpoint_;
  linalg::RowBlocks rows_;
  Index outputs_;
  Block f0_, y_;
  Loss loss_ = Loss::squared;
  std::unique_ptr<TrainingKernel> kernel_;
  std::optional<TrainingRecord> record_;
  std::vector<KeptPoint> kept_;
  IteratedOutcome outcome_;
};

}  // namespace

template <class Real>
IteratedOutcome iterated_dynamics(RunContext& context, DynamicsProblem<Real> const& problem,
                                  TrainingCheckpoint* checkpoint) {
  return IteratedDynamics<Real>(context, problem, checkpoint).run();
}

template IteratedOutcome iterated_dynamics(RunContext&, DynamicsProblem<float> const&,
                                           TrainingCheckpoint*);
template IteratedOutcome iterated_dynamics(RunContext&, DynamicsProblem<double> const&,
                                           TrainingCheckpoint*);

}  // namespace widelimit::cli
