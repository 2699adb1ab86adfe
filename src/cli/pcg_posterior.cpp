#include "cli/pcg_posterior.hpp"

#include <algorithm>

#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/progress.hpp"

namespace widelimit::cli {
namespace {

template <class Real>
class VarianceSolver {
 public:
  VarianceSolver(RunContext& context, Problem<Real> const& problem, PcgSystem<Real> const& system)
      : context_(context),
        job_(std::get<RegressionOptions>(context.input.job)),
        problem_(problem),
        system_(system),
        rows_(system.rows()),
        ensemble_(job_.kernel == RegressionOptions::Kernel::ntk),
        nngp_(rows_, gram::PartMaker<Real>{problem.program, problem.train, gram::Kernel::nngp}) {
    result_.values = diagonal_of(*problem.test, ensemble_ ? gram::Kernel::nngp : system.kernel());
  }

  Variances run() {
    Index const n_test = context_.shapes.test, block = variance_block(rows_.size());
    runtime::Progress progress("variance", "points", static_cast<double>(n_test));
    for (Index begin = 0; begin < n_test; begin += block) {
      solve({begin, std::min(n_test, begin + block)});
      progress.update(static_cast<double>(std::min(n_test, begin + block)));
    }
    progress.finish();
    // A variance lost in rounding is zero, not negative.
    for (double& value : result_.values) value = std::max(0.0, value);
    return std::move(result_);
  }

 private:
  /// Column-major, this rank's rows.
  struct Cross {
    std::vector<double> kernel, nngp;
  };

  Cross cross(Range points) const {
    Range const mine = rows_.mine();
    Index const width = points.size(), entries = mine.size() * width;
    bool const ntk = system_.kernel() == gram::Kernel::ntk;
    auto const output = ensemble_ ? gram::Output::both : gram::only(system_.kernel());
    gram::TileEvaluator<Real> const evaluate(problem_.program, problem_.train, *problem_.test,
                                             output);
    std::vector<Real> theta(static_cast<std::size_t>(wants_ntk(output) ? entries : 0));
    std::vector<Real> k(static_cast<std::size_t>(wants_nngp(output) ? entries : 0));
    runtime::agree(context_.comm, [&] {
      if (entries > 0) evaluate(mine, points, k.data(), theta.data(), width);
    });
    auto const columns = [&](std::vector<Real> const& from) {
      std::vector<double> to(from.size());
      for (std::size_t i = 0; i < from.size(); ++i) {
        auto const row = static_cast<Index>(i) / width, column = static_cast<Index>(i) % width;
        to[static_cast<std::size_t>(column * mine.size() + row)] = from[i];
      }
      return to;
    };
    return {columns(ntk ? theta : k), ensemble_ ? columns(k) : std::vector<double>{}};
  }

  void solve(Range points) {
    Index const width = points.size();
    auto const dt = cross(points);
    auto const pcg = system_.solver(
        dt.kernel, width, {.tolerance = job_.tolerance, .max_iterations = job_.max_iterations},
        Residuals::working);
    auto state = pcg.start();
    auto const end = pcg.run(state, [&](auto const&) {
      return context_.comm.first_rank_where(context_.stop.pending()) >= 0;
    });
    if (end == linalg::PcgEnd::interrupted) context_.stop_if_asked();
    result_.residual = std::max(result_.residual, *std::ranges::max_element(state.residual));
    auto const sums = ensemble_ ? ensemble_terms(dt, state.x, width)
                                : rows_.dots(dt.kernel.data(), state.x.data(), width);
    for (Index k = 0; k < width; ++k) {
      double& value = result_.values[static_cast<std::size_t>(points.begin + k)];
      value += (ensemble_ ? 2 : -1) * sums[static_cast<std::size_t>(k)];
    }
  }

  /// Diagonal of BᵀM with B = K̂⁻¹K_dt and M = ½Q_dd·B - Q_dt.
  std::vector<double> ensemble_terms(Cross const& dt, std::vector<double> const& b, Index width) {
    std::vector<double> m(b.size());
    if (!nngp_.multiply(b.data(), width, m.data(), [this] { return !context_.stop.pending(); }))
      context_.stop_if_asked();
    for (std::size_t i = 0; i < m.size(); ++i) m[i] = m[i] / 2 - dt.nngp[i];
    return rows_.dots(b.data(), m.data(), width);
  }

  RunContext& context_;
  RegressionOptions const& job_;
  Problem<Real> const& problem_;
  PcgSystem<Real> const& system_;
  linalg::RowBlocks rows_;
  bool ensemble_;
  regression::RecomputedKernel<Real> nngp_;
  Variances result_;
};

}  // namespace

template <class Real>
Variances pcg_variances(RunContext& context, Problem<Real> const& problem,
                        PcgSystem<Real> const& system) {
  return VarianceSolver<Real>(context, problem, system).run();
}

template Variances pcg_variances(RunContext&, Problem<float> const&, PcgSystem<float> const&);
template Variances pcg_variances(RunContext&, Problem<double> const&, PcgSystem<double> const&);

}  // namespace widelimit::cli
