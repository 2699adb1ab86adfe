#include "cli/spectrum_plan.hpp"

#include <algorithm>

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/job_drivers.hpp"

namespace widelimit::cli {
namespace {

// Above, the operations of an eigendecomposition take longer than products do.
constexpr Index largest_automatic_dense = 10000;
constexpr double block = 8;  // columns of a product

}  // namespace

void check_spectrum(InputFile const& input) {
  auto const& job = std::get<SpectrumOptions>(input.job);
  if (!job.samples.empty() && input.data.train.targets.empty())
    throw InputError(input.where("job.samples"),
                     "a learning curve needs the key `targets` in data.train");
}

void plan_spectrum(PlanRequest const& request, ResourcePlan& plan) {
  auto const& [comm, input, shapes] = request;
  auto const& job = std::get<SpectrumOptions>(input.job);
  if (job.count > shapes.train)
    throw InputError(input.where("job.count"),
                     fmt::format("{} eigenvalues are wanted, but the kernel of {} points has no "
                                 "more than {}",
                                 job.count, shapes.train, shapes.train));
  if (!job.samples.empty() && job.samples.back() >= shapes.train)
    throw InputError(input.where("job.samples"),
                     fmt::format("the learning curve is that of training sets drawn from the {} "
                                 "points: ask for fewer than {} samples",
                                 shapes.train, shapes.train));
  plan_kernels(request, 1, plan);
  auto const n = static_cast<double>(shapes.train), ranks = static_cast<double>(comm.size());
  double const real_bytes = input.precision == Precision::double_ ? 8 : 4;
  auto const count = static_cast<double>(job.count);
  double const free_bytes = plan.memory_limit - plan.memory_bytes();
  double const dense_bytes = 4 * n * n * 8 / ranks;
  double const stored_bytes = n * n * real_bytes / ranks;
  double const basis_bytes = 2 * (2 * count + 8 * block) * n * 8 / ranks + 2 * block * n * 8;

  SpectrumPlan chosen;
  chosen.dense = job.method == SpectrumOptions::Method::dense ||
                 (job.method == SpectrumOptions::Method::automatic &&
                  shapes.train <= largest_automatic_dense && dense_bytes <= free_bytes);
  plan.gram_entries = n * (n + 1) / 2;
  plan.disk_bytes = job.vectors ? n * count * 8 : 0;
  if (chosen.dense) {
    plan.memory.push_back({"kernel, eigenvectors and workspace, this rank's share", dense_bytes});
    plan.solve_flops = 4 * n * n * n;
    plan.less_memory = "job.method: krylov, which keeps no matrix";
    if (input.checkpoint.enabled) plan.disk_bytes += n * n * real_bytes;
    plan.description = "spectrum   all eigenvectors of the kernel\n";
  } else {
    using Gram = RegressionOptions::Gram;
    chosen.stored = job.gram == Gram::stored ||
                    (job.gram == Gram::automatic && stored_bytes + basis_bytes <= free_bytes);
    if (chosen.stored)
      plan.memory.push_back({"rows of the kernel, this rank's share", stored_bytes});
    plan.memory.push_back({"basis of the Krylov space, this rank's rows", basis_bytes});
    plan.less_memory =
        chosen.stored ? "job.gram: recomputed, which keeps no kernel matrix" : "a lower job.count";
    if (chosen.stored) plan.gram_entries = n * n;
    if (!chosen.stored) plan.iteration_entries = plan.gram_entries;
    plan.solve_flops = 2 * n * n * block;
    if (input.checkpoint.enabled) plan.disk_bytes += n * count * 8;
    plan.description = fmt::format("spectrum   block Krylov space, kernel {}\n",
                                   chosen.stored ? "stored" : "recomputed for each product");
  }
  plan.choice = chosen;
}

}  // namespace widelimit::cli
