/// \file
/// What training programs need.
#include <algorithm>

#include "widelimit/network/describe.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/job_drivers.hpp"
#include "cli/program_problem.hpp"

namespace widelimit::cli {
namespace {

using interpreter::Representation;

constexpr Index class_guess = 10;  // outputs of labelled data, until the labels are read

/// Feature and gradient columns that are kept to the end.
double recorded_columns(ProgramOptions const& options, program::Program const& p) {
  double columns = 0;
  for (auto const& observable : p.observables)
    if (observable.role == program::Role::feature || observable.role == program::Role::gradient)
      columns += static_cast<double>(p.value(observable.in_observe).columns);
  return columns * static_cast<double>(options.kernels_at.size());
}

/// Numbers for each particle.
double numbers_each(ProgramOptions const& options, program::Program const& p, Index particles) {
  auto some = executor_options(options, 0);
  some.particles = particles;
  return interpreter::columns_in_memory(p, some) + recorded_columns(options, p);
}

/// The most particles (to three digits) for which memory suffices.
Index largest_number(ProgramOptions const& options, program::Program const& p, double bytes_each,
                     double available, int ranks) {
  Index low = 0, high = options.particles;
  while (high - low > std::max<Index>(1, low / 1000)) {
    Index const middle = low + (high - low) / 2;
    double const needed = numbers_each(options, p, middle) * static_cast<double>(middle) *
                          bytes_each / static_cast<double>(ranks);
    (needed <= available ? low : high) = middle;
  }
  return low;
}

std::string describe_matrix(ProgramOptions const& options, program::Program const& p,
                            program::Id id, double& flops) {
  auto const ranks = interpreter::rank_estimate(p, id, options.steps);
  auto const bounds = interpreter::rank_bounds(p, id, options.steps);
  auto representation = options.representation;
  if (representation == Representation::automatic)
    representation = interpreter::choose(ranks, options.particles);
  auto const m = static_cast<double>(options.particles);
  auto const all = static_cast<double>(bounds.right + bounds.left);
  if (representation == Representation::dense) {
    flops += 4 * m * m * all;
    return fmt::format("           {:<8} dense, {} x {}\n", p.value(id).name, options.particles,
                       options.particles);
  }
  flops += 20 * m * static_cast<double>(ranks.right + ranks.left) / 2 * all;
  return fmt::format("           {:<8} conditioned, rank about {} and {}, at most {} and {}\n",
                     p.value(id).name, ranks.right, ranks.left, bounds.right, bounds.left);
}

}  // namespace

void check_program(InputFile const& input) {
  require_targets(input);
  auto const& options = *program_options(input.job);
  if (options.loss == program::Loss::cross_entropy &&
      input.data.targets == TargetEncoding::one_hot_centred)
    throw InputError(input.where("data.targets"),
                     "cross entropy needs probabilities as targets: one_hot");
}

void plan_program(PlanRequest const& request, ResourcePlan& plan) {
  auto const& options = *program_options(request.input.job);
  auto const& shapes = request.shapes;
  Index const outputs = shapes.outputs > 0 ? shapes.outputs : class_guess;
  auto task = make_task(request.input, shapes, outputs, 1);
  Index const columns =
      (shapes.train + shapes.test) * shapes.features / std::max<Index>(1, task.input.channels);
  task.input_rows = task.width || request.input.program ? task.input.channels
                                                        : std::min(task.input.channels, columns);
  auto const compiled = program_of(request.input, task);
  auto const& p = compiled.program;

  double const bytes_each = request.input.precision == Precision::double_ ? 8 : 4;
  int const ranks = request.comm.size();
  double const fixed = plan.memory_bytes();
  double const share =
      static_cast<double>(options.particles) * bytes_each / static_cast<double>(ranks);
  double const vectors = numbers_each(options, p, options.particles) * share;
  plan.memory.push_back(
      {"inputs", 3.0 * 8 * static_cast<double>((shapes.train + shapes.test) * shapes.features)});
  plan.memory.push_back({"vectors and matrices, this rank's particles", vectors});
  if (plan.memory_bytes() > plan.memory_limit) {
    Index const fits = largest_number(options, p, bytes_each, plan.memory_limit - fixed, ranks);
    plan.less_memory =
        fmt::format("{} of at most {}", task.width ? "a job.width" : "job.particles", fits);
  }
  double const records = static_cast<double>(options.steps + 1) *
                         static_cast<double>((shapes.train + shapes.test) * outputs);
  plan.disk_bytes = 8 * 2 * records + vectors * ranks;
  double flops = 0;
  plan.description = fmt::format("program    {} instructions a step; {}\n", p.step.size(),
                                 compiled.classification.reason);
  plan.description += "matrices\n";
  for (auto const& initial : p.initials)
    if (std::holds_alternative<program::GaussianMatrix>(initial.content))
      plan.description += describe_matrix(options, p, initial.value, flops);
  double const runs = static_cast<double>(options.replicates) * (options.extrapolate ? 1.5 : 1);
  plan.solve_flops = flops * runs;
  plan.description +=
      fmt::format("runs       {} of {} particles{}\n", options.replicates, options.particles,
                  options.extrapolate ? fmt::format(", {} of half", options.replicates) : "");
}

}  // namespace widelimit::cli
