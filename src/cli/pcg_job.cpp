#include "cli/pcg_job.hpp"

#include <cmath>

#include "widelimit/linalg/local_columns.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/pcg_posterior.hpp"
#include "cli/pcg_report.hpp"
#include "cli/pcg_system.hpp"
#include "cli/prediction.hpp"
#include "cli/regression_results.hpp"
#include "cli/solver_checkpoint.hpp"
#include "cli/solver_progress.hpp"

namespace widelimit::cli {
namespace {

using linalg::PcgEnd;
using linalg::PcgState;
using linalg::ReplicatedMatrix;

/// What a cycle on a kernel in single precision gains where it is ill-conditioned: of 60,000 images
/// without a ridge its solution to 1e-6 has a residual of 4e-4. Less than that, so that rounding and
/// the end of the iteration have equal shares.
constexpr double rounded_kernel_gain = 2.5e-4;

std::string name_of(PreconditionerOptions::Type type) {
  switch (type) {
    case PreconditionerOptions::Type::nystrom:
      return "nystrom";
    case PreconditionerOptions::Type::pivoted_cholesky:
      return "pivoted_cholesky";
    case PreconditionerOptions::Type::none:
      break;
  }
  return "none";
}

template <class Real>
class PcgJob {
 public:
  explicit PcgJob(RunContext& context)
      : context_(context),
        job_(std::get<RegressionOptions>(context.input.job)),
        rows_(context.comm, context.shapes.train) {}

  void run() {
    auto const& output = context_.input.output.file;
    io::ResultsWriter::check_output(context_.comm, output, context_.existing());
    read();
    std::optional<io::TileFile> tiles = open_checkpoints();
    system_->make_operator(tiles ? &*tiles : nullptr);
    context_.stop_if_asked();
    system_->make_preconditioner();
    context_.stop_if_asked();
    solve();
    if (problem_->test) predict();
    write(output);
    if (outcome_.end != PcgEnd::converged) fail(context_, state_, outcome_);
    require_exact_posterior();
    if (checkpoint_) checkpoint_->discard();
    if (tiles) std::move(*tiles).discard();
    runtime::log(runtime::Level::info, "results in " + output);
  }

 private:
  void read() {
    runtime::Region const region(context_.timings, "read");
    targets_ = load_targets(context_.comm, context_.input, context_.shapes);
    problem_ = load_problem<Real>(context_.comm, context_.input, context_.shapes);
    if (context_.input.precision == Precision::mixed)
      exact_problem_ = load_problem<double>(context_.comm, context_.input, context_.shapes);
    system_.emplace(context_, *problem_, exact_problem_.get());
    outcome_.mean_diagonal = system_->mean_diagonal();
    if (system_->ridge() == 0)
      check_duplicates(context_, regression::equal_points(problem_->train, targets_.train));
  }

  std::optional<io::TileFile> open_checkpoints() {
    if (!context_.input.checkpoint.enabled) return {};
    auto const name = checkpoint_path(context_.input.checkpoint, context_.input.output.file);
    checkpoint_.emplace(rows_, name + ".solver", context_.job_identity(),
                        context_.input.checkpoint.every);
    return system_->open_tiles(name);
  }

  void solve() {
    runtime::Region const region(context_.timings, "solve");
    Index const columns = targets_.train.cols;
    auto const pcg = system_->solver(linalg::local_columns(rows_, targets_.train), columns,
                                     {.tolerance = job_.tolerance,
                                      .max_iterations = job_.max_iterations,
                                      .cycle_gain = exact_problem_ ? rounded_kernel_gain : 0},
                                     Residuals::exact);
    if (checkpoint_ && context_.command.resume && checkpoint_->exists()) {
      state_ = checkpoint_->read(columns);
      runtime::log(runtime::Level::info, fmt::format("going on from {} after iteration {}",
                                                     checkpoint_->file(), state_.iteration));
    } else {
      state_ = pcg.start();
    }
    SolverProgress progress(job_.tolerance, state_.iteration);
    outcome_.end = pcg.run(state_, [&](PcgState const& state) {
      progress.update(state);
      bool const stop = context_.comm.first_rank_where(context_.stop.pending()) >= 0;
      if (checkpoint_ && !stop) checkpoint_->write_if_due(state);
      return stop;
    });
    if (checkpoint_) checkpoint_->write(state_);
    if (outcome_.end == PcgEnd::interrupted) context_.stop_if_asked();
    finish();
  }

  /// The solution whole, its predictions on the training points and its true residual.
  void finish() {
    Index const columns = state_.columns;
    solution_ = linalg::replicated(rows_, state_.x, columns);
    auto const targets = linalg::local_columns(rows_, targets_.train);
    auto const residual = true_residual(targets);
    auto predictions = targets;
    for (std::size_t i = 0; i < predictions.size(); ++i)
      predictions[i] -= residual[i] + system_->ridge() * state_.x[i];
    train_predictions_ = linalg::replicated(rows_, predictions, columns);
    auto const yy = rows_.dots(targets.data(), targets.data(), columns);
    auto const rr = rows_.dots(residual.data(), residual.data(), columns);
    auto const xx = rows_.dots(state_.x.data(), state_.x.data(), columns);
    // Entries rounded independently of each other.
    double const entry_error = system_->entry_rounding() * system_->mean_diagonal();
    auto const n = static_cast<double>(rows_.size());
    for (std::size_t c = 0; c < rr.size(); ++c) {
      if (!(yy[c] > 0)) continue;
      outcome_.residual = std::max(outcome_.residual, std::sqrt(rr[c] / yy[c]));
      outcome_.kernel_rounding =
          std::max(outcome_.kernel_rounding, entry_error * std::sqrt(n * xx[c] / yy[c]));
    }
    report(context_, state_, outcome_);
  }

  /// Y - (K + λI)·X, which a solver that converged has left in its state.
  std::vector<double> true_residual(std::vector<double> const& targets) {
    if (outcome_.end == PcgEnd::converged) return state_.r;
    std::vector<double> residual(targets.size());
    if (!system_->multiply_kernel(state_.x.data(), state_.columns, residual.data()))
      context_.stop_if_asked();
    for (std::size_t i = 0; i < residual.size(); ++i)
      residual[i] = targets[i] - residual[i] - system_->ridge() * state_.x[i];
    return residual;
  }

  void predict() {
    runtime::Region const region(context_.timings, "predict");
    test_predictions_ = predict_test(context_, *problem_, system_->kernel(), solution_);
    if (job_.posterior != RegressionOptions::Posterior::mean)
      posterior_ = pcg_posterior(context_, *problem_, *system_);
  }

  void write(std::string const& output) {
    io::ResultsWriter results(context_.comm, output, context_.existing());
    write_outputs(results, "/solution/alpha", solution_, "train_point");
    write_outputs(results, "/predictions/train", train_predictions_, "train_point");
    write_metrics(results, "train", train_predictions_, targets_.train, targets_.classes);
    if (test_predictions_) {
      write_outputs(results, "/predictions/test", *test_predictions_, "test_point");
      if (targets_.test)
        write_metrics(results, "test", *test_predictions_, *targets_.test, targets_.classes);
    }
    if (posterior_) write_posterior(results);
    if (state_.iteration > 0)
      results.write("/solver/residual", {{state_.iteration}, {"iteration"}}, state_.history.data());
    results.attribute("/solver", "type", "pcg");
    results.attribute("/solver", "converged", Index{outcome_.end == PcgEnd::converged});
    results.attribute("/solver", "iterations", state_.iteration);
    results.attribute("/solver", "true_residual", outcome_.residual);
    results.attribute("/solver", "kernel_rounding", outcome_.kernel_rounding);
    results.attribute("/solver", "tolerance", job_.tolerance);
    results.attribute("/solver", "ridge", system_->ridge());
    results.attribute("/solver", "gram",
                      std::string(name_of(std::get<RegressionPlan>(context_.plan.choice).gram)));
    results.attribute("/solver", "preconditioner", name_of(job_.preconditioner.type));
    results.attribute("/solver", "rank", system_->preconditioner_rank());
    results.attribute("/solver", "block", system_->preconditioner_block());
    results.record(context_.record());
    results.commit();
  }

  void write_posterior(io::ResultsWriter& results) const {
    Index const n = context_.shapes.test;
    if (job_.posterior == RegressionOptions::Posterior::variance) {
      results.write("/predictions/test_variance", {{n}, {"test_point"}},
                    posterior_->variance.data());
    } else {
      results.write_rows("/predictions/test_covariance", {{n, n}, {"test_point", "test_point"}},
                         posterior_->rows, posterior_->covariance.data());
    }
    results.attribute("/solver", "variance_residual", posterior_->residual);
  }

  void require_exact_posterior() const {
    if (!posterior_ || posterior_->residual <= job_.tolerance) return;
    throw InputError(
        context_.input.where("job.posterior"),
        fmt::format("the equations for the variances of some test points are solved to a relative "
                    "residual of {:.2g} only, above the tolerance {:.2g}; the results in {} hold "
                    "what was found. Raise job.max_iterations or the tolerance, or set a ridge",
                    posterior_->residual, job_.tolerance, context_.input.output.file));
  }

  RunContext& context_;
  RegressionOptions const& job_;
  linalg::RowBlocks rows_;
  Targets targets_;
  std::unique_ptr<Problem<Real>> problem_;
  std::unique_ptr<Problem<double>> exact_problem_;  ///< with mixed precision
  std::optional<PcgSystem<Real>> system_;
  std::optional<SolverCheckpoint> checkpoint_;
  PcgState state_;
  PcgOutcome outcome_;
  ReplicatedMatrix solution_, train_predictions_;
  std::optional<ReplicatedMatrix> test_predictions_;
  std::optional<PcgPosterior> posterior_;
};

}  // namespace

void run_pcg_regression(RunContext& context) {
  if (context.input.precision == Precision::double_) {
    PcgJob<double>(context).run();
  } else {
    PcgJob<float>(context).run();
  }
}

}  // namespace widelimit::cli
