/// \file
/// The section `job` of type `regression`.
#include <algorithm>
#include <functional>

#include "sections.hpp"

namespace widelimit::cli::detail {
namespace {

constexpr KeyEntry keys[] = {
    {"type", "required", "regression: kernel regression or Gaussian-process inference"},
    {"kernel", "ntk", "ntk, nngp, or ntkgp (inference with the NTK in the place of the NNGP)"},
    {"solver", "auto", "auto, cholesky or pcg (preconditioned conjugate gradients)"},
    {"ridge", "none", "regularizer added to the diagonal"},
    {"tolerance", "1e-6", "of the relative residual of each output; of the solver pcg"},
    {"max_iterations", "1000", "of the solver pcg"},
    {"preconditioner", "nystrom for the solver pcg", "of the solver pcg"},
    {"gram", "auto",
     "of the solver pcg: the kernel is stored in memory, kept in the checkpoint's file, or "
     "recomputed "
     "in each iteration; or auto"},
    {"duplicates", "warn",
     "of the solver pcg without a ridge: warn of equal training points, or stop"},
    {"posterior", "mean", "on the test set: mean, variance or covariance"},
    {"samples", "none",
     "of the solver cholesky: sizes of training sets, ascending; test errors of the regression on "
     "as "
     "many of the first rows, from the same kernel, in /learning_curve"}};

constexpr KeyEntry preconditioner_keys[] = {
    {"type", "nystrom", "nystrom, pivoted_cholesky or none"},
    {"rank", "auto",
     "columns of the preconditioner; auto: 1000, or a tenth of the points where that is less"},
    {"block", "auto",
     "what these columns miss is inverted by blocks of so many neighbouring points; auto: half of "
     "the rank, at most 512; 0: none"}};

PreconditionerOptions read_preconditioner(YamlNode const& map) {
  static constexpr std::pair<std::string_view, PreconditionerOptions::Type> types[] = {
      {"nystrom", PreconditionerOptions::Type::nystrom},
      {"pivoted_cholesky", PreconditionerOptions::Type::pivoted_cholesky},
      {"none", PreconditionerOptions::Type::none}};
  expect_keys(map, preconditioner_keys);
  PreconditionerOptions preconditioner;
  preconditioner.type = map.get_choice("type", types, preconditioner.type);
  if (auto const rank = map.find("rank"); rank && !is_word(*rank, "auto"))
    preconditioner.rank = rank->as<Index>(io::at_least(1));
  if (auto const block = map.find("block"); block && !is_word(*block, "auto"))
    preconditioner.block = block->as<Index>(io::at_least(0));
  return preconditioner;
}

}  // namespace

std::vector<Index> read_sample_sizes(YamlNode const& map) {
  auto const node = map.find("samples");
  if (!node) return {};
  auto sizes = node->as<std::vector<Index>>(io::at_least(1));
  if (std::ranges::adjacent_find(sizes, std::greater_equal{}) != sizes.end())
    node->fail("sizes must ascend, each above the one before");
  return sizes;
}

RegressionOptions read_regression(YamlNode const& map) {
  using Options = RegressionOptions;
  static constexpr std::pair<std::string_view, Options::Kernel> kernels[] = {
      {"ntk", Options::Kernel::ntk},
      {"nngp", Options::Kernel::nngp},
      {"ntkgp", Options::Kernel::ntkgp}};
  static constexpr std::pair<std::string_view, Options::Solver> solvers[] = {
      {"auto", Options::Solver::automatic},
      {"cholesky", Options::Solver::cholesky},
      {"pcg", Options::Solver::pcg}};
  static constexpr std::pair<std::string_view, Options::Gram> grams[] = {
      {"auto", Options::Gram::automatic},
      {"stored", Options::Gram::stored},
      {"file", Options::Gram::file},
      {"recomputed", Options::Gram::recomputed}};
  static constexpr std::pair<std::string_view, Options::Posterior> posteriors[] = {
      {"mean", Options::Posterior::mean},
      {"variance", Options::Posterior::variance},
      {"covariance", Options::Posterior::covariance}};
  static constexpr std::pair<std::string_view, Options::Duplicates> duplicates[] = {
      {"warn", Options::Duplicates::warn}, {"stop", Options::Duplicates::stop}};
  expect_keys(map, keys);
  Options options;
  options.kernel = map.get_choice("kernel", kernels, options.kernel);
  options.solver = map.get_choice("solver", solvers, options.solver);
  if (auto const ridge = map.find("ridge")) options.ridge = read_ridge(*ridge);
  options.tolerance = map.get("tolerance", options.tolerance, tolerance_bounds);
  options.max_iterations = map.get("max_iterations", options.max_iterations, io::at_least(1));
  if (auto const node = map.find("preconditioner"))
    options.preconditioner = read_preconditioner(*node);
  options.gram = map.get_choice("gram", grams, options.gram);
  options.duplicates = map.get_choice("duplicates", duplicates, options.duplicates);
  options.posterior = map.get_choice("posterior", posteriors, options.posterior);
  options.samples = read_sample_sizes(map);
  return options;
}

std::vector<KeySection> regression_sections() {
  return {{"job", "regression", keys},
          {"job.ridge", "regression", ridge_keys()},
          {"job.preconditioner", "regression", preconditioner_keys}};
}

}  // namespace widelimit::cli::detail
