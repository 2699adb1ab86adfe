#include "cli/iterated_dynamics.hpp"

#include <numeric>

#include "widelimit/linalg/local_columns.hpp"
#include "widelimit/regression/flow_equation.hpp"

#include "cli/training_kernel.hpp"
#include "cli/training_methods.hpp"

namespace widelimit::cli {
namespace {

regression::Loss loss_of(DynamicsOptions const& job, Index outputs) {
  if (job.loss != DynamicsOptions::Loss::cross_entropy) return regression::Loss::squared;
  return outputs == 1 ? regression::Loss::logistic : regression::Loss::softmax;
}

template <class Real>
double mean_diagonal(DynamicsProblem<Real> const& problem) {
  auto const diagonal = diagonal_of(problem.points->train, problem.kernel);
  return std::accumulate(diagonal.begin(), diagonal.end(), 0.0) /
         static_cast<double>(diagonal.size());
}

/// Where it costs little beside the training.
void find_largest_eigenvalue(IteratedRun& run, DynamicsPlan const& plan) {
  bool const few_entries = plan.method == DynamicsPlan::Method::steps && !plan.stored &&
                           run.job().optimizer.type == TrainingOptions::Type::sgd;
  if (few_entries) return;
  auto const found = regression::largest_eigenvalue(run.kernel, plan.stored ? 60 : 8,
                                                    plan.stored ? 1e-8 : 1e-3, run.go_on());
  if (!found) run.context.stop_if_asked();
  run.outcome.largest_eigenvalue = found;
}

}  // namespace

template <class Real>
IteratedOutcome iterated_dynamics(RunContext& context, DynamicsProblem<Real> const& problem,
                                  TrainingCheckpoint* checkpoint) {
  auto const& plan = std::get<DynamicsPlan>(context.plan.choice);
  linalg::RowBlocks const rows(context.comm, context.shapes.train);
  TrainingRecorder recorder(context, checkpoint);
  auto const kernel =
      make_training_kernel(context, rows, *problem.points, problem.kernel, plan.stored);
  runtime::Region const region(context.timings, "training");
  IteratedRun run{.context = context,
                  .recorder = recorder,
                  .kernel = *kernel,
                  .rows = rows,
                  .outputs = problem.outputs(),
                  .f0 = linalg::local_columns(rows, problem.start),
                  .y = linalg::local_columns(rows, problem.targets.train),
                  .loss = loss_of(std::get<DynamicsOptions>(context.input.job), problem.outputs()),
                  .loss_scale = problem.loss_scale,
                  .ridge = problem.ridge,
                  .mean_diagonal = mean_diagonal(problem),
                  .outcome = {}};
  find_largest_eigenvalue(run, plan);
  switch (plan.method) {
    case DynamicsPlan::Method::steps:
      train_in_steps(run);
      break;
    case DynamicsPlan::Method::ode:
      train_by_equation(run);
      break;
    default:
      train_by_krylov(run);
  }
  run.outcome.trajectory = std::move(recorder).trajectory(rows, run.outputs);
  return std::move(run.outcome);
}

template IteratedOutcome iterated_dynamics(RunContext&, DynamicsProblem<float> const&,
                                           TrainingCheckpoint*);
template IteratedOutcome iterated_dynamics(RunContext&, DynamicsProblem<double> const&,
                                           TrainingCheckpoint*);

}  // namespace widelimit::cli
