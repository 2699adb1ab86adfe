#include "cli/dynamics_plan.hpp"

#include <algorithm>
#include <cmath>

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/homogeneous.hpp"
#include "cli/job_drivers.hpp"

namespace widelimit::cli {
namespace {

using Method = DynamicsPlan::Method;
using Gram = RegressionOptions::Gram;

constexpr double class_guess = 10;  // outputs of labelled data, until the labels are read
// Above, the operations of an eigendecomposition take longer than iterations do.
constexpr Index largest_automatic_eigen = 20000;

constexpr double largest_eigenvalue_products = 8;

struct Sizes {
  double n, n_test, outputs, ranks, real_bytes, kept;
};

std::vector<MemoryItem> eigen_memory(DynamicsOptions const& job, Sizes const& size) {
  auto const [n, n_test, outputs, ranks, real_bytes, kept] = size;
  double const square = n * n * 8 / ranks;
  std::vector<MemoryItem> memory{
      {"kernel, eigenvectors and workspace, this rank's share", 4 * square}};
  if (!job.ensemble) return memory;
  memory.push_back({"matrices of the ensemble, this rank's share",
                    5 * square + (4 * n * n_test + 3 * n_test * n_test) * 8 / ranks});
  // A whole time at least is one rank's.
  double const times = std::ceil(kept / ranks);
  memory.push_back({"covariances, this rank's times", times * (n * n + n_test * n_test) * 8});
  return memory;
}

std::vector<MemoryItem> product_memory(Method method, bool stored, Sizes const& size) {
  auto const [n, n_test, outputs, ranks, real_bytes, kept] = size;
  std::vector<MemoryItem> memory;
  if (stored)
    memory.push_back({"rows of the kernel, this rank's share", n * n * real_bytes / ranks});
  double const basis = method == Method::krylov
                           ? krylov_vectors(static_cast<Index>(n), static_cast<Index>(outputs))
                           : 0;
  double const vectors = method == Method::ode ? 18 : method == Method::krylov ? 8 + basis : 12;
  memory.push_back({"vectors, this rank's rows", vectors * n * outputs * 8 / ranks});
  memory.push_back({"vectors, whole, of a product", 2 * n * outputs * 8});
  return memory;
}

double total(std::vector<MemoryItem> const& memory) {
  double sum = 0;
  for (auto const& item : memory) sum += item.bytes;
  return sum;
}

std::string describe(DynamicsOptions const& job, DynamicsPlan const& plan) {
  std::string text = "training   ";
  switch (plan.method) {
    case Method::eigen:
      return text + "gradient flow by all eigenvectors of the kernel\n";
    case Method::krylov:
      text += "gradient flow by Lanczos on products with the kernel";
      break;
    case Method::ode:
      text += "gradient flow by adaptive steps";
      break;
    case Method::steps:
      text += fmt::format("{} steps", job.steps.back());
      if (job.optimizer.type == TrainingOptions::Type::sgd)
        text += fmt::format(" of batches of {}", job.optimizer.batch_size);
      break;
  }
  return text + (plan.stored ? ", kernel stored\n" : ", kernel recomputed for each product\n");
}

void check_batch(InputFile const& input, DynamicsOptions const& job, DataShapes const& shapes) {
  if (job.optimizer.type != TrainingOptions::Type::sgd || !job.optimizer.batches.empty()) return;
  if (job.optimizer.batch_size > shapes.train)
    throw InputError(input.where("job.optimizer.batch_size"),
                     fmt::format("a batch of {} is larger than the training set of {} points; use "
                                 "a smaller one, or type: gd for all points in each step",
                                 job.optimizer.batch_size, shapes.train));
}

Method method_of(DynamicsOptions const& job, bool eigen_fits) {
  if (job.optimizer.type != TrainingOptions::Type::flow) return Method::steps;
  if (job.loss == DynamicsOptions::Loss::cross_entropy) return Method::ode;
  switch (job.method) {
    case DynamicsOptions::Method::eigen:
      return Method::eigen;
    case DynamicsOptions::Method::krylov:
      return Method::krylov;
    case DynamicsOptions::Method::ode:
      return Method::ode;
    case DynamicsOptions::Method::automatic:
      break;
  }
  return job.ensemble || eigen_fits ? Method::eigen : Method::krylov;
}

}  // namespace

double krylov_vectors(Index points, Index outputs) {
  // At most about 2 GiB, and never more vectors than points.
  double const affordable = 2.0 * 1024 * 1024 * 1024 / (8 * static_cast<double>(points * outputs));
  return std::min({200.0, static_cast<double>(points), std::max(20.0, affordable)});
}

void check_dynamics(InputFile const& input) {
  auto const& job = std::get<DynamicsOptions>(input.job);
  require_targets(input);
  bool const flow = job.optimizer.type == TrainingOptions::Type::flow;
  bool const squared = job.loss == DynamicsOptions::Loss::mse;
  using Options = DynamicsOptions;
  if (job.ensemble && (!flow || !squared))
    throw InputError(input.where("job.ensemble"),
                     "covariances over initialisations are those of the squared error trained by "
                     "flow; set loss: mse and optimizer: {type: flow}, or ensemble: false");
  if (job.ensemble && job.initial)
    throw InputError(input.where("job.initial"),
                     "an ensemble begins with random outputs of mean zero; leave `initial` out");
  if (job.ensemble && job.method != Options::Method::automatic &&
      job.method != Options::Method::eigen)
    throw InputError(input.where("job.method"), "an ensemble is computed by method: eigen");
  if (!squared && flow && std::isinf(job.times.back()))
    throw InputError(input.where("job.times"),
                     "under cross-entropy outputs grow without end; give finite times");
  if (!squared && (job.method == Options::Method::eigen || job.method == Options::Method::krylov))
    throw InputError(input.where("job.method"),
                     "eigen and krylov are for the squared error; cross-entropy is trained by "
                     "method: ode");
  if (squared && job.method == Options::Method::ode && std::isinf(job.times.back()))
    throw InputError(input.where("job.times"), "method: ode has no infinite time; use auto");
  if (!squared && input.data.targets == TargetEncoding::one_hot_centred)
    throw InputError(input.where("data.targets"),
                     "cross-entropy wants probabilities as targets; use targets: one_hot, or none "
                     "with real targets from 0 to 1");
  if (job.optimizer.decay_towards == TrainingOptions::Towards::zero &&
      job.optimizer.weight_decay > 0)
    require_homogeneous(input);
}

void plan_dynamics(PlanRequest const& request, ResourcePlan& plan) {
  auto const& [comm, input, shapes] = request;
  auto const& job = std::get<DynamicsOptions>(input.job);
  check_batch(input, job, shapes);
  bool const flow = job.optimizer.type == TrainingOptions::Type::flow;
  Sizes const size{static_cast<double>(shapes.train),
                   static_cast<double>(shapes.test),
                   shapes.outputs > 0 ? static_cast<double>(shapes.outputs) : class_guess,
                   static_cast<double>(comm.size()),
                   input.precision == Precision::double_ ? 8.0 : 4.0,
                   static_cast<double>(flow ? job.times.size() : job.steps.size())};
  double const kernels = job.ensemble && job.kernel == DynamicsOptions::Kernel::ntk ? 2 : 1;
  plan_kernels(request, kernels, plan);
  auto const [n, n_test, outputs, ranks, real_bytes, kept] = size;
  plan.memory.push_back(
      {"outputs and coefficients of the kept times", kept * (3 * n + 2 * n_test) * outputs * 8});
  double const free_bytes = plan.memory_limit - plan.memory_bytes();

  DynamicsPlan chosen;
  bool const eigen_fits =
      shapes.train <= largest_automatic_eigen && total(eigen_memory(job, size)) <= free_bytes;
  chosen.method = method_of(job, eigen_fits);
  double const triangle = n * (n + 1) / 2;
  plan.gram_entries = triangle + n * n_test;
  plan.disk_bytes = kept * (n + n_test) * outputs * 8;
  if (chosen.method == Method::eigen) {
    std::ranges::move(eigen_memory(job, size), std::back_inserter(plan.memory));
    if (job.ensemble) {
      plan.gram_entries += n_test * (n_test + 1) / 2;
      plan.disk_bytes += kept * (n * n + n_test * n_test) * 8;
    }
    if (input.checkpoint.enabled) plan.disk_bytes += kernels * n * n * real_bytes;
    plan.solve_flops = 4 * n * n * n + kept * 8 * n * n * outputs +
                       (job.ensemble ? (8 + 6 * kept) * n * n * n : 0);
    plan.less_memory = "job.method: krylov, which keeps no matrix";
    if (job.ensemble) plan.less_memory = "ensemble: false, or fewer times";
  } else {
    auto const stored = product_memory(chosen.method, true, size);
    chosen.stored =
        job.gram == Gram::stored || (job.gram == Gram::automatic && total(stored) <= free_bytes);
    std::ranges::move(product_memory(chosen.method, chosen.stored, size),
                      std::back_inserter(plan.memory));
    if (chosen.stored) {
      plan.gram_entries = n * n + n * n_test;
      plan.less_memory = "job.gram: recomputed, which keeps no kernel matrix";
    } else {
      bool const batches = job.optimizer.type == TrainingOptions::Type::sgd;
      double const batch = batches ? static_cast<double>(job.optimizer.batch_size) : 0;
      plan.iteration_entries = batches ? n * batch : triangle;
      // A flow's steps are not known before; the largest eigenvalue takes a few products.
      double const steps = flow ? 0 : static_cast<double>(job.steps.back());
      plan.gram_entries = n * n_test + steps * plan.iteration_entries +
                          (batches ? 0 : largest_eigenvalue_products * triangle);
    }
    plan.solve_flops = 2 * n * n * outputs;
    if (input.checkpoint.enabled) plan.disk_bytes += (4 + 2 * kept) * n * outputs * 8;
  }
  plan.description = describe(job, chosen);
  plan.choice = chosen;
}

}  // namespace widelimit::cli
