#include "cli/pcg_report.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "widelimit/runtime/log.hpp"

namespace widelimit::cli {
namespace {

bool tiles_in_double(RunContext const& context) {
  return context.input.precision == Precision::double_;
}

/// A shift that lifts what was found, or what rounding of the entries may hide.
double sufficient_ridge(RunContext const& context, double curvature, double mean_diagonal) {
  double const eps = tiles_in_double(context) ? std::numeric_limits<double>::epsilon()
                                              : std::numeric_limits<float>::epsilon();
  double const rounding =
      eps * mean_diagonal * std::sqrt(static_cast<double>(context.shapes.train));
  return std::max(-2 * curvature, rounding);
}

}  // namespace

void check_duplicates(RunContext const& context, std::vector<regression::EqualPair> const& pairs) {
  if (pairs.empty()) return;
  constexpr std::size_t shown = 5;
  auto const contradictory = std::ranges::count_if(pairs, &regression::EqualPair::contradictory);
  std::string text = fmt::format(
      "{} training point{} earlier ones{} (rows counted from 0 among those used):", pairs.size(),
      pairs.size() == 1 ? " equals" : "s equal",
      contradictory > 0 ? fmt::format(", {} of them with other targets", contradictory) : "");
  for (std::size_t k = 0; k < std::min(shown, pairs.size()); ++k) {
    text += fmt::format("{} {} = {}{}", k > 0 ? "," : "", pairs[k].later, pairs[k].earlier,
                        pairs[k].contradictory ? " (other targets)" : "");
  }
  if (pairs.size() > shown) text += ", …";
  text += fmt::format(". Without a ridge the kernel is singular{}; remove them, or set job.ridge",
                      contradictory > 0 ? " and no function fits these targets" : "");
  auto const& job = std::get<RegressionOptions>(context.input.job);
  if (job.duplicates == RegressionOptions::Duplicates::stop)
    throw InputError(context.input.where("job.duplicates"), text);
  runtime::log(runtime::Level::warning, text);
}

void report(RunContext const& context, linalg::PcgState const& state, PcgOutcome const& outcome) {
  runtime::log(runtime::Level::info,
               fmt::format("{} iterations, residual {:.3g}", state.iteration, outcome.residual));
  double const tolerance = std::get<RegressionOptions>(context.input.job).tolerance;
  if (outcome.end != linalg::PcgEnd::converged || outcome.kernel_rounding <= tolerance) return;
  bool const single = context.input.precision == Precision::single;
  bool const remainders = std::get<RegressionPlan>(context.plan.choice).remainders;
  runtime::log(
      runtime::Level::warning,
      fmt::format("the entries of the kernel are rounded to {}, which may move the "
                  "residual by about {:.1e}, more than the tolerance of {:.1e}: what is solved to "
                  "the tolerance are the equations of the rounded kernel. A ridge{} makes the "
                  "effect smaller",
                  single       ? "single precision"
                  : remainders ? "32 bits"
                               : "double precision",
                  outcome.kernel_rounding, tolerance, single ? " or precision: mixed" : ""));
}

void fail(RunContext const& context, linalg::PcgState const& state, PcgOutcome const& outcome) {
  auto const& job = std::get<RegressionOptions>(context.input.job);
  auto const behind = std::ranges::count_if(
      state.status, [](auto const status) { return status != linalg::ColumnStatus::converged; });
  std::string const so_far = fmt::format(
      "{} of {} outputs are above the tolerance {:.2g} after {} iterations (largest relative "
      "residual {:.2g}); the results in {} are those so far. ",
      behind, state.columns, job.tolerance, state.iteration, outcome.residual,
      context.input.output.file);
  std::string const or_double = tiles_in_double(context) ? "" : ", or use precision: double";
  switch (outcome.end) {
    case linalg::PcgEnd::max_iterations:
      throw InputError(
          context.input.where("job.max_iterations"),
          so_far + "Raise job.max_iterations" +
              (context.input.checkpoint.enabled
                   ? " and run again with --resume --overwrite, which goes on from here"
                   : "") +
              "; or set a higher job.preconditioner.rank or a ridge, with which "
              "fewer iterations do");
    case linalg::PcgEnd::indefinite: {
      double const curvature = *std::ranges::min_element(state.curvature);
      throw InputError(
          context.input.where("job.ridge"),
          so_far + fmt::format(
                       "The kernel with its ridge is not positive definite to rounding: along "
                       "some direction it is {:.1e}, where the mean of its diagonal is {:.1e}. "
                       "Equal or almost equal training points may be the cause. Set job.ridge: "
                       "{{value: {:.0e}, scale: absolute}} or more{}",
                       curvature, outcome.mean_diagonal,
                       2 * sufficient_ridge(context, curvature, outcome.mean_diagonal), or_double));
    }
    default:
      throw InputError(
          context.input.where("job.tolerance"),
          so_far + fmt::format("The residual no longer falls. Set a tolerance above {:.1e}, a "
                               "ridge, or a higher job.preconditioner.rank{}",
                               outcome.residual, or_double));
  }
}

}  // namespace widelimit::cli
