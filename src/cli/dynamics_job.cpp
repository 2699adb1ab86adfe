#include <cmath>

#include "widelimit/regression/gradient_flow.hpp"
#include "widelimit/regression/loss.hpp"
#include "widelimit/regression/metrics.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/dynamics_problem.hpp"
#include "cli/iterated_dynamics.hpp"
#include "cli/job_drivers.hpp"
#include "cli/prediction.hpp"
#include "cli/regression_results.hpp"
#include "cli/spectral_dynamics.hpp"

namespace widelimit::cli {
namespace {

using linalg::ReplicatedMatrix;

constexpr Index largest_recorded_order = Index{1} << 25;  // numbers of the order of batches

template <class Real>
class DynamicsJob {
 public:
  explicit DynamicsJob(RunContext& context)
      : context_(context), job_(std::get<DynamicsOptions>(context.input.job)) {}

  void run() {
    auto const& output = context_.input.output.file;
    auto const& checkpoint = context_.input.checkpoint;
    io::ResultsWriter::check_new_output(context_.comm, output, context_.existing());
    problem_ = load_dynamics<Real>(context_);
    if (job_.loss == DynamicsOptions::Loss::cross_entropy)
      loss_ = problem_.outputs() == 1 ? regression::Loss::logistic : regression::Loss::softmax;
    auto const& plan = std::get<DynamicsPlan>(context_.plan.choice);
    auto const state_file = checkpoint_path(checkpoint, output);
    if (plan.method == DynamicsPlan::Method::eigen) {
      auto outcome = spectral_dynamics(context_, problem_);
      trajectory_ = std::move(outcome.trajectory);
      covariances_ = std::move(outcome.covariances);
      largest_eigenvalue_ = outcome.largest_eigenvalue;
    } else {
      std::optional<TrainingCheckpoint> state;
      if (checkpoint.enabled)
        state.emplace(linalg::RowBlocks(context_.comm, context_.shapes.train), problem_.outputs(),
                      state_file, context_.job_identity(), checkpoint.every);
      iterated_ = iterated_dynamics(context_, problem_, state ? &*state : nullptr);
      trajectory_ = std::move(iterated_->trajectory);
      largest_eigenvalue_ = iterated_->largest_eigenvalue;
    }
    context_.stop_if_asked();
    if (problem_.ridge > 0 && job_.optimizer.type == TrainingOptions::Type::flow) add_ridge();
    if (problem_.points->test) predict();
    write(output);
    if (iterated_ && !iterated_->broken_off.empty())
      throw InputError(context_.input.where(iterated_->broken_key), iterated_->broken_off);
    if (checkpoint.enabled) remove_file(context_.comm, state_file);
    runtime::log(runtime::Level::info, "results in " + output);
  }

 private:
  Index count() const { return static_cast<Index>(trajectory_.size()); }

  /// f + λ·a at the training points, where a flow has a ridge. On the root, which writes it.
  void add_ridge() {
    if (!context_.comm.is_root()) return;
    for (auto const& point : trajectory_)
      for (std::size_t k = 0; k < point.train.values.size(); ++k)
        with_ridge_.push_back(point.train.values[k] +
                              problem_.ridge * point.coefficients.values[k]);
  }

  /// Test outputs of all times by one pass over the test x train kernel.
  void predict() {
    runtime::Region const region(context_.timings, "predict");
    Index const n = context_.shapes.train, n_test = context_.shapes.test;
    Index const outputs = problem_.outputs();
    ReplicatedMatrix all(n, count() * outputs);
    for (Index k = 0; k < count(); ++k) {
      auto& a = trajectory_[static_cast<std::size_t>(k)].coefficients;
      for (Index i = 0; i < n; ++i) std::copy_n(a.row(i), outputs, all.row(i) + k * outputs);
      a = {};
    }
    auto const predicted = predict_test(context_, *problem_.points, problem_.kernel, all);
    for (Index k = 0; k < count(); ++k) {
      auto const& point = trajectory_[static_cast<std::size_t>(k)];
      ReplicatedMatrix f(n_test, outputs);
      for (Index i = 0; i < n_test; ++i)
        for (Index c = 0; c < outputs; ++c)
          f(i, c) = point.gain * predicted(i, k * outputs + c) +
                    (problem_.start_test ? point.start * (*problem_.start_test)(i, c) : 0);
      test_.push_back(std::move(f));
    }
  }

  /// Mean loss as the job has it, of outputs of any set.
  double loss_of(ReplicatedMatrix const& f, ReplicatedMatrix const& y) const {
    std::vector<double> unused(static_cast<std::size_t>(f.cols));
    double sum = 0;
    for (Index i = 0; i < f.rows; ++i)
      sum += regression::loss_and_gradient(loss_, f.row(i), y.row(i), f.cols, 1, unused.data());
    bool const points = job_.average == DynamicsOptions::Average::points;
    return sum / static_cast<double>(f.rows * (points ? 1 : f.cols));
  }

  double accuracy_of(ReplicatedMatrix const& f, ReplicatedMatrix const& y) const {
    if (loss_ != regression::Loss::logistic) return regression::accuracy(f, y);
    auto signs = y;
    for (double& target : signs.values) target = target > 0.5 ? 1 : -1;
    return regression::accuracy(f, signs);
  }

  bool has_classes() const {
    return problem_.targets.classes || job_.loss == DynamicsOptions::Loss::cross_entropy;
  }

  void write(std::string const& output) {
    runtime::Region const region(context_.timings, "write");
    io::ResultsWriter results(context_.comm, output, context_.existing());
    std::vector<double> time;
    for (auto const& point : trajectory_) time.push_back(point.time);
    results.write("/dynamics/time", {{count()}, {"time"}}, time.data());
    std::vector<ReplicatedMatrix const*> train;
    for (auto const& point : trajectory_) train.push_back(&point.train);
    std::vector<ReplicatedMatrix const*> test;
    for (auto const& f : test_) test.push_back(&f);
    write_set(results, "train", train, &problem_.targets.train);
    if (!test.empty())
      write_set(results, "test", test, problem_.targets.test ? &*problem_.targets.test : nullptr);
    if (covariances_) write_covariances(results);
    write_ridge(results);
    if (job_.optimizer.type == TrainingOptions::Type::sgd) write_order(results);
    write_attributes(results);
    results.record(context_.record());
    results.commit();
  }

  /// Outputs, losses and accuracies of a set at all times, and the metrics at the last one.
  void write_set(io::ResultsWriter& results, std::string const& set,
                 std::vector<ReplicatedMatrix const*> const& outputs,
                 ReplicatedMatrix const* targets) {
    if (outputs.empty()) return;
    Index const points = outputs.front()->rows, columns = outputs.front()->cols;
    std::vector<double> all;
    if (context_.comm.is_root())
      for (auto const* f : outputs) all.insert(all.end(), f->values.begin(), f->values.end());
    results.write("/dynamics/" + set,
                  {{count(), points, columns}, {"time", set + "_point", "output"}}, all.data());
    if (targets == nullptr) return;
    std::vector<double> losses, accuracies;
    for (auto const* f : outputs) {
      losses.push_back(loss_of(*f, *targets));
      if (has_classes()) accuracies.push_back(accuracy_of(*f, *targets));
    }
    io::ArrayLayout const layout{{count()}, {"time"}};
    results.write(set == "train" ? "/dynamics/loss" : "/dynamics/test_loss", layout, losses.data());
    if (has_classes()) results.write("/dynamics/" + set + "_accuracy", layout, accuracies.data());
    write_metrics(results, set, *outputs.back(), *targets, problem_.targets.classes);
    if (!problem_.targets.classes && has_classes())
      results.write_scalar("/metrics/" + set + "/accuracy", accuracies.back());
    results.write_scalar("/metrics/" + set + "/loss", losses.back());
  }

  void write_covariances(io::ResultsWriter& results) const {
    auto const write = [&](std::string const& path, std::string const& dimension, Index n,
                           std::vector<double> const& slices) {
      results.write_rows(path, {{count(), n, n}, {"time", dimension, dimension}},
                         covariances_->times, slices.data());
    };
    write("/dynamics/train_covariance", "train_point", context_.shapes.train, covariances_->train);
    if (problem_.ridge > 0)
      write("/dynamics/train_with_ridge_covariance", "train_point", context_.shapes.train,
            covariances_->train_with_ridge);
    if (context_.shapes.test > 0)
      write("/dynamics/test_covariance", "test_point", context_.shapes.test, covariances_->test);
  }

  /// f + λ·a, which neural-tangents gives for training outputs of a flow with a ridge.
  void write_ridge(io::ResultsWriter& results) {
    if (problem_.ridge == 0 || job_.optimizer.type != TrainingOptions::Type::flow) return;
    results.write(
        "/dynamics/train_with_ridge",
        {{count(), context_.shapes.train, problem_.outputs()}, {"time", "train_point", "output"}},
        with_ridge_.data());
  }

  void write_order(io::ResultsWriter& results) {
    auto order = batch_order(context_);
    Index const steps = iterated_->steps, width = order.batch_size();
    results.attribute("/dynamics", "batches_per_epoch", order.steps_per_epoch());
    if (steps * width > largest_recorded_order) {
      runtime::log(runtime::Level::warning,
                   fmt::format("the order of {} batches is too long to be kept in the results; "
                               "job.optimizer.seed gives it again",
                               steps));
      return;
    }
    std::vector<Index> rows(static_cast<std::size_t>(steps * width), -1);
    for (Index step = 0; step < steps; ++step) {
      auto const batch = order.batch(step);
      std::ranges::copy(batch, rows.begin() + step * width);
    }
    if (steps > 0)
      results.write("/dynamics/batches", {{steps, width}, {"step", "batch_point"}}, rows.data());
  }

  void write_attributes(io::ResultsWriter& results) {
    static constexpr char const* methods[] = {"eigen", "krylov", "ode", "steps"};
    auto const& plan = std::get<DynamicsPlan>(context_.plan.choice);
    bool const squared = job_.loss == DynamicsOptions::Loss::mse;
    results.attribute("/dynamics", "method", methods[static_cast<int>(plan.method)]);
    results.attribute("/dynamics", "loss", squared ? "mse" : "cross_entropy");
    results.attribute("/dynamics", "average",
                      job_.average == DynamicsOptions::Average::points ? "points" : "entries");
    results.attribute("/dynamics", "learning_rate", job_.optimizer.learning_rate);
    results.attribute("/dynamics", "ridge", problem_.ridge);
    results.attribute("/dynamics/time", "unit", "steps: flow time is learning_rate x time");
    if (largest_eigenvalue_) {
      double const momentum = job_.optimizer.momentum.value_or(0);
      double const curvature =
          regression::largest_curvature(loss_) * *largest_eigenvalue_ + problem_.ridge;
      results.attribute("/dynamics", "largest_eigenvalue", *largest_eigenvalue_);
      results.attribute(
          "/dynamics", "largest_stable_learning_rate",
          job_.optimizer.nesterov
              ? regression::largest_stable_rate_nesterov(curvature, problem_.loss_scale, momentum)
              : regression::largest_stable_rate(curvature, problem_.loss_scale, momentum));
    }
    if (!iterated_) return;
    results.attribute("/dynamics", "steps", iterated_->steps);
    if (iterated_->error_bound)
      results.attribute("/dynamics", "error_bound", *iterated_->error_bound);
    results.attribute("/dynamics", "gram", plan.stored ? "stored" : "recomputed");
  }

  RunContext& context_;
  DynamicsOptions const& job_;
  DynamicsProblem<Real> problem_;
  regression::Loss loss_ = regression::Loss::squared;
  std::optional<IteratedOutcome> iterated_;
  Trajectory trajectory_;
  std::optional<CovarianceSlices> covariances_;
  std::optional<double> largest_eigenvalue_;
  std::vector<ReplicatedMatrix> test_;
  std::vector<double> with_ridge_;
};

}  // namespace

void run_dynamics(RunContext& context) {
  if (context.input.precision == Precision::double_) {
    DynamicsJob<double>(context).run();
  } else {
    DynamicsJob<float>(context).run();
  }
}

}  // namespace widelimit::cli
