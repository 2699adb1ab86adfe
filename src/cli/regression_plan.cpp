#include "cli/regression_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "widelimit/regression/preconditioner.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/job_drivers.hpp"

namespace widelimit::cli {
namespace {

using Solver = RegressionOptions::Solver;
using Gram = RegressionOptions::Gram;
using Posterior = RegressionOptions::Posterior;

constexpr double class_guess = 10;  // outputs of labelled data, until the labels are read
// Above, the N³/3 operations of a factorisation take longer than iterations do.
constexpr Index largest_automatic_cholesky = 20000;
constexpr Index largest_automatic_rank = 1000;
constexpr Index largest_automatic_block = 512;

// What single precision leaves of the entries is kept to a relative 2^-32: of the residual it hides
// more the worse the condition of the kernel. Below, residuals are of entries in double.
constexpr double least_tolerance_of_remainders = 1e-8;

struct Sizes {
  double n, n_test, tile, outputs, ranks, real_bytes;
};

/// How many kernels a job evaluates between two data sets, and which matrices it keeps.
struct Needs {
  bool both_kernels = false;
  double square_matrices = 0;  ///< N x N, distributed
  double cross_matrices = 0;   ///< N x N_test, distributed
  double test_matrices = 0;    ///< N_test x N_test, distributed
};

Needs needs_of(RegressionOptions const& job) {
  using enum RegressionOptions::Posterior;
  if (job.posterior == mean) return {false, 1, 0, 0};
  bool const ensemble = job.kernel == RegressionOptions::Kernel::ntk;
  double const copies = ensemble ? 2 : 1;
  return {ensemble, copies, copies, job.posterior == covariance ? 1.0 : 0.0};
}

double total(std::vector<MemoryItem> const& memory) {
  double sum = 0;
  for (auto const& item : memory) sum += item.bytes;
  return sum;
}

RegressionPlan plan_cholesky(InputFile const& input, RegressionOptions const& job,
                             Sizes const& size) {
  RegressionPlan plan;
  auto const [n, n_test, tile, outputs, ranks, real_bytes] = size;
  Needs const needs = needs_of(job);
  plan.kernels = needs.both_kernels ? 2 : 1;
  double const share = (input.precision == Precision::single ? 4 : 8) / ranks;
  plan.memory.push_back(
      {"kernel matrices, this rank's share",
       share * (needs.square_matrices * n * n + needs.cross_matrices * n * n_test +
                needs.test_matrices * n_test * n_test)});
  plan.memory.push_back(
      {"exchange of tiles between ranks", 3 * plan.kernels * tile * tile * real_bytes});
  plan.memory.push_back({"targets, solution and predictions", (4 * n + 2 * n_test) * outputs * 8});
  if (input.checkpoint.enabled) plan.disk_bytes = plan.kernels * n * n * real_bytes;
  plan.gram_entries = n * (n + 1) / 2 + n * n_test;
  if (needs.test_matrices > 0) plan.gram_entries += n_test * (n_test + 1) / 2;
  plan.solve_flops =
      n * n * n / 3 + 10 * n * n * outputs + (needs.cross_matrices > 0 ? n * n * n_test : 0);
  return plan;
}

RegressionPlan plan_pcg(InputFile const& input, DataShapes const& shapes, Gram gram, Index rank,
                        Sizes const& size) {
  auto const& job = std::get<RegressionOptions>(input.job);
  RegressionPlan plan;
  plan.solver = Solver::pcg;
  plan.gram = gram;
  plan.preconditioner_rank = rank;
  auto const [n, n_test, tile, outputs, ranks, real_bytes] = size;
  auto const k = static_cast<double>(rank);
  if (gram == Gram::stored) {
    double const rows = n / tile;  // tiles on the diagonal are kept by halves
    plan.memory.push_back({"lower half of the kernel, this rank's share",
                           (n * n / 2 + rows * tile * 256) * real_bytes / ranks});
    if (input.checkpoint.enabled) plan.disk_bytes = n * n * real_bytes;
  } else if (gram == Gram::file) {
    plan.memory.push_back({"tiles read ahead", 2 * tile * tile * real_bytes});
    plan.disk_bytes = n * n * real_bytes;
  }
  if (input.precision == Precision::mixed) {
    plan.memory.push_back(
        {"inputs in double, for true residuals", 2 * n * static_cast<double>(shapes.features) * 8});
  }
  if (rank > 0) {
    Index const automatic_block = std::min(rank / 2, largest_automatic_block);
    plan.preconditioner_block =
        std::min(job.preconditioner.block.value_or(automatic_block), shapes.train);
    bool const pivoted = job.preconditioner.type == PreconditionerOptions::Type::pivoted_cholesky;
    double const columns = k + (pivoted ? regression::pivoted_block : 0);
    plan.memory.push_back({"preconditioner, this rank's rows", n * columns * real_bytes / ranks});
    plan.memory.push_back({"preconditioner, k x k", 3 * k * k * 8});
    if (plan.preconditioner_block > 0) {
      auto const b = static_cast<double>(plan.preconditioner_block);
      plan.memory.push_back({"preconditioner, blocks",
                             regression::BlockWhitening<float>::numbers(n, b) * real_bytes / ranks +
                                 b * (k + 4 * b) * 8});
    }
  }
  bool const posterior = job.posterior != Posterior::mean;
  bool const covariance = job.posterior == Posterior::covariance;
  auto const block = static_cast<double>(posterior_block(static_cast<Index>(n)));
  double const columns = posterior ? std::max(outputs, block) : outputs;
  plan.memory.push_back({"vectors, this rank's rows", 9 * n * columns * 8 / ranks});
  plan.memory.push_back({"vectors, whole, of a product", 2 * n * columns * 8});
  plan.memory.push_back({"targets, solution and predictions", (4 * n + 2 * n_test) * outputs * 8});
  if (covariance)
    plan.memory.push_back({"covariance of the test points, this rank's rows",
                           n_test * (n_test / ranks * 8 + block * real_bytes)});
  if (input.checkpoint.enabled) plan.disk_bytes += 3 * n * outputs * 8;
  double const passes = covariance ? 2 + std::ceil(n_test / block) : posterior ? 2 : 1;
  plan.gram_entries =
      (gram == Gram::recomputed ? 0 : n * (n + 1) / 2) + n * k + n * n_test * passes;
  plan.iteration_entries = gram == Gram::recomputed ? n * (n + 1) / 2 : 0;
  plan.solve_flops = (2 * n * n + 4 * n * k) * outputs;
  return plan;
}

/// Tiles in double whose remainders are kept beside what iterations use. Files hold no remainders.
RegressionPlan with_remainders(RegressionPlan plan, Sizes const& size) {
  plan.remainders = true;
  plan.memory.push_back(
      {"remainders of its entries", (size.n * size.n / 2 + size.n * 256) / size.ranks});
  plan.memory.push_back({"tiles in double", 3 * size.tile * size.tile * 4});
  return plan;
}

void check_pcg(InputFile const& input, RegressionOptions const& job, DataShapes const& shapes) {
  if (Index const rank = job.preconditioner.rank; rank > shapes.train) {
    throw InputError(
        input.where("job.preconditioner.rank"),
        fmt::format("a preconditioner of rank {} has more columns than there are "
                    "training points ({}); ask for at most {}, a tenth is a good start",
                    rank, shapes.train, shapes.train));
  }
  bool const single = input.precision == Precision::single;
  double const reachable = single ? std::numeric_limits<float>::epsilon() / 2 : 1e-14;
  if (job.tolerance < reachable) {
    throw InputError(
        input.where("job.tolerance"),
        fmt::format("a tolerance of {:.2g} is below what {} precision can reach (about {:.0e}); "
                    "raise it{}",
                    job.tolerance, to_string(input.precision), reachable,
                    single ? ", or use precision: mixed or double" : ""));
  }
  if (job.gram == Gram::file && !input.checkpoint.enabled) {
    throw InputError(
        input.where("job.gram"),
        "the kernel is to be kept in the checkpoint's file (gram: file), and checkpoint "
        "is none; name a checkpoint, or use gram: recomputed");
  }
  if (!job.samples.empty()) {
    throw InputError(input.where("job.samples"),
                     "a learning curve needs the factor of the kernel: use solver: cholesky");
  }
}

}  // namespace

std::string_view name_of(Gram gram) {
  switch (gram) {
    case Gram::stored:
      return "stored";
    case Gram::file:
      return "file";
    case Gram::recomputed:
      return "recomputed";
    case Gram::automatic:
      break;
  }
  return "auto";
}

Index posterior_block(Index points) {
  return std::clamp<Index>(Index{1 << 23} / std::max<Index>(1, points), 8, 64);
}

RegressionPlan choose_regression(InputFile const& input, DataShapes const& shapes, Index tile,
                                 int ranks, double free_bytes) {
  auto const& job = std::get<RegressionOptions>(input.job);
  Sizes const size{static_cast<double>(shapes.train),
                   static_cast<double>(shapes.test),
                   static_cast<double>(tile),
                   shapes.outputs > 0 ? static_cast<double>(shapes.outputs) : class_guess,
                   static_cast<double>(ranks),
                   input.precision == Precision::double_ ? 8.0 : 4.0};
  Index rank = 0;
  if (job.preconditioner.type != PreconditionerOptions::Type::none) {
    rank = job.preconditioner.rank != PreconditionerOptions::automatic
               ? job.preconditioner.rank
               : std::clamp<Index>(shapes.train / 10, 1, largest_automatic_rank);
  }
  auto cholesky = plan_cholesky(input, job, size);
  auto stored = plan_pcg(input, shapes, Gram::stored, rank, size);
  auto recomputed = plan_pcg(input, shapes, Gram::recomputed, rank, size);
  if (input.precision == Precision::mixed && !input.checkpoint.enabled &&
      job.tolerance >= least_tolerance_of_remainders) {
    auto wider = with_remainders(stored, size);
    if (total(wider.memory) <= free_bytes) stored = std::move(wider);
  }
  auto const bytes = [](RegressionPlan const& plan) {
    return runtime::format_bytes(total(plan.memory));
  };
  std::string const alternatives = fmt::format("cholesky {}, pcg stored {}, pcg recomputed {}",
                                               bytes(cholesky), bytes(stored), bytes(recomputed));

  // All test points are right-hand sides of a covariance: a factor serves them best.
  bool const factorise =
      shapes.train <= largest_automatic_cholesky || job.posterior == Posterior::covariance;
  bool const use_cholesky =
      job.solver == Solver::cholesky ||
      (job.solver == Solver::automatic &&
       ((factorise && total(cholesky.memory) <= free_bytes) || !job.samples.empty()));
  if (!use_cholesky) check_pcg(input, job, shapes);
  if (!job.samples.empty() && job.samples.back() > shapes.train)
    throw InputError(input.where("job.samples"),
                     fmt::format("{} points are asked for, and the training set has {}",
                                 job.samples.back(), shapes.train));
  bool const use_stored = job.gram == Gram::stored ||
                          (job.gram == Gram::automatic && total(stored.memory) <= free_bytes);
  bool const use_file = job.gram == Gram::file;
  RegressionPlan plan = use_cholesky ? std::move(cholesky)
                        : use_file   ? plan_pcg(input, shapes, Gram::file, rank, size)
                        : use_stored ? std::move(stored)
                                     : std::move(recomputed);
  plan.alternatives = alternatives;
  return plan;
}

namespace {

std::string preconditioner_of(RegressionPlan const& plan) {
  if (plan.preconditioner_rank == 0) return "none";
  auto text = fmt::format("of rank {}", plan.preconditioner_rank);
  if (plan.preconditioner_block > 0)
    text += fmt::format(", blocks of {}", plan.preconditioner_block);
  return text;
}

/// The choice, for people.
std::string describe(RegressionPlan const& plan) {
  std::string text = "solver     ";
  if (plan.solver == Solver::cholesky) {
    text += "cholesky\n";
  } else {
    text += fmt::format("pcg, kernel {}{}, preconditioner {}\n", name_of(plan.gram),
                        plan.remainders ? " with remainders" : "", preconditioner_of(plan));
  }
  return text + "           matrices and vectors of a rank: " + plan.alternatives + "\n";
}

/// What of the keys of `job` would need less memory.
std::string less_memory(RegressionPlan const& plan) {
  if (plan.solver == Solver::cholesky) return "the solver pcg (job.solver), which needs less";
  if (plan.gram == Gram::stored) return "job.gram: recomputed, which keeps no kernel matrix";
  return "a lower job.preconditioner.rank or block";
}

}  // namespace

void check_regression(InputFile const& input) {
  auto const& job = std::get<RegressionOptions>(input.job);
  require_targets(input);
  if (!input.data.test && job.posterior != Posterior::mean)
    throw InputError(input.where("job.posterior"),
                     "the posterior is computed on test data, and `data.test` is missing");
  if (!job.samples.empty() && (!input.data.test || input.data.test->targets.empty()))
    throw InputError(input.where("job.samples"),
                     "a learning curve needs test data with targets (data.test)");
}

void plan_regression(PlanRequest const& request, ResourcePlan& plan) {
  double const kernels =
      needs_of(std::get<RegressionOptions>(request.input.job)).both_kernels ? 2 : 1;
  plan_kernels(request, kernels, plan);
  auto chosen = choose_regression(request.input, request.shapes, plan.tile, request.comm.size(),
                                  plan.memory_limit - plan.memory_bytes());
  std::ranges::copy(chosen.memory, std::back_inserter(plan.memory));
  plan.disk_bytes = chosen.disk_bytes;
  plan.gram_entries = chosen.gram_entries;
  plan.iteration_entries = chosen.iteration_entries;
  plan.solve_flops = chosen.solve_flops;
  plan.description = describe(chosen);
  plan.less_memory = less_memory(chosen);
  plan.choice = std::move(chosen);
}

}  // namespace widelimit::cli
