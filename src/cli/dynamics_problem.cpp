#include "cli/dynamics_problem.hpp"

#include <cmath>
#include <filesystem>

#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/sections.hpp"

namespace widelimit::cli {
namespace {

using linalg::ReplicatedMatrix;

ReplicatedMatrix read_initial(RunContext const& context, std::string const& key,
                              std::string const& file, std::string const& dataset, Index rows,
                              Index outputs) {
  io::Source source;
  source.file =
      detail::resolve(std::filesystem::path(context.input.path).parent_path().string(), file);
  source.dataset = dataset;
  source.where = context.input.where("job.initial." + key);
  ReplicatedMatrix result(rows, outputs);
  auto values = io::read_rows<double>(context.comm, source);
  if (values.size() != result.values.size())
    throw InputError(source.where,
                     fmt::format("{} holds {} numbers, but {} points with {} outputs need {}",
                                 dataset, values.size(), rows, outputs, result.values.size()));
  result.values = std::move(values);
  return result;
}

/// Rows of probabilities, or one number from 0 to 1.
void require_probabilities(InputFile const& input, std::string const& key,
                           ReplicatedMatrix const& targets) {
  for (Index i = 0; i < targets.rows; ++i) {
    double sum = 0;
    bool within = true;
    for (Index c = 0; c < targets.cols; ++c) {
      sum += targets(i, c);
      within = within && targets(i, c) >= 0 && targets(i, c) <= 1;
    }
    if (within && (targets.cols == 1 || std::abs(sum - 1) < 1e-6)) continue;
    throw InputError(
        input.where(key),
        fmt::format("cross-entropy wants {}; row {} has other targets",
                    targets.cols == 1 ? "targets from 0 to 1 for one output"
                                      : "targets from 0 to 1 that add up to 1 in each row",
                    i));
  }
}

}  // namespace

template <class Real>
DynamicsProblem<Real> load_dynamics(RunContext& context) {
  runtime::Region const region(context.timings, "read");
  auto const& input = context.input;
  auto const& job = std::get<DynamicsOptions>(input.job);
  DynamicsProblem<Real> problem;
  problem.targets = load_targets(context.comm, input, context.shapes);
  problem.points = load_problem<Real>(context.comm, input, context.shapes);
  problem.kernel =
      job.kernel == DynamicsOptions::Kernel::nngp ? gram::Kernel::nngp : gram::Kernel::ntk;
  if (job.loss == DynamicsOptions::Loss::cross_entropy) {
    require_probabilities(input, "data.train.targets", problem.targets.train);
    if (problem.targets.test)
      require_probabilities(input, "data.test.targets", *problem.targets.test);
  }
  Index const n = context.shapes.train, outputs = problem.outputs();
  problem.start = ReplicatedMatrix(n, outputs);
  if (job.initial) {
    problem.start =
        read_initial(context, "train", job.initial->file, job.initial->train, n, outputs);
    if (!job.initial->test.empty())
      problem.start_test = read_initial(context, "test", job.initial->file, job.initial->test,
                                        context.shapes.test, outputs);
    if (context.shapes.test > 0 && job.initial->test.empty())
      throw InputError(input.where("job.initial"),
                       "there are test points: give their outputs before training as well (test)");
  }
  auto const n_real = static_cast<double>(n);
  problem.loss_scale = job.average == DynamicsOptions::Average::points
                           ? 1 / n_real
                           : 1 / (n_real * static_cast<double>(outputs));
  double trace = 0;
  for (double const entry : diagonal_of(problem.points->train, problem.kernel)) trace += entry;
  problem.ridge = job.ridge.shift(trace, n);
  if (job.optimizer.decay_towards == TrainingOptions::Towards::initial)
    problem.ridge += job.optimizer.weight_decay / problem.loss_scale;
  return problem;
}

template DynamicsProblem<float> load_dynamics(RunContext&);
template DynamicsProblem<double> load_dynamics(RunContext&);

}  // namespace widelimit::cli
