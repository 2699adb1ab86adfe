#include "cli/pcg_posterior.hpp"

#include <algorithm>

#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/progress.hpp"

namespace widelimit::cli {
namespace {

/// Letters as in regression/posterior.hpp; blocks are column-major, this rank's rows.
template <class Real>
class PosteriorSolver {
 public:
  PosteriorSolver(RunContext& context, Problem<Real> const& problem, PcgSystem<Real> const& system)
      : context_(context),
        job_(std::get<RegressionOptions>(context.input.job)),
        problem_(problem),
        system_(system),
        rows_(system.rows()),
        n_test_(context.shapes.test),
        block_(posterior_block(rows_.size())),
        ensemble_(job_.kernel == RegressionOptions::Kernel::ntk),
        prior_(ensemble_ ? gram::Kernel::nngp : system.kernel()),
        nngp_(rows_, gram::PartMaker<Real>{problem.program, problem.train, gram::Kernel::nngp}) {}

  PcgPosterior run() {
    bool const covariance = job_.posterior == RegressionOptions::Posterior::covariance;
    if (covariance) {
      result_.rows = linalg::RowBlocks(context_.comm, n_test_).mine();
      result_.covariance.resize(static_cast<std::size_t>(result_.rows.size() * n_test_));
    } else {
      result_.variance = diagonal_of(*problem_.test, prior_);
    }
    runtime::Progress progress(covariance ? "covariance" : "variance", "points",
                               static_cast<double>(n_test_));
    for_each_block([&](Range points) {
      covariance ? add_covariances(points) : add_variances(points);
      progress.update(static_cast<double>(points.end));
    });
    progress.finish();
    // A variance lost in rounding is zero, not negative.
    for (double& value : result_.variance) value = std::max(0.0, value);
    return std::move(result_);
  }

 private:
  struct Cross {
    std::vector<double> kernel, nngp;  ///< K_dt, Q_dt (ensemble)
  };

  template <class F>
  void for_each_block(F const& visit) const {
    for (Index begin = 0; begin < n_test_; begin += block_)
      visit(Range{begin, std::min(n_test_, begin + block_)});
  }

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

  /// K̂⁻¹·B for `width` columns.
  std::vector<double> solve(std::vector<double> b, Index width) {
    auto const pcg = system_.solver(
        std::move(b), width, {.tolerance = job_.tolerance, .max_iterations = job_.max_iterations},
        Residuals::working);
    auto state = pcg.start();
    auto const end = pcg.run(state, [&](auto const&) {
      return context_.comm.first_rank_where(context_.stop.pending()) >= 0;
    });
    if (end == linalg::PcgEnd::interrupted) context_.stop_if_asked();
    result_.residual = std::max(result_.residual, *std::ranges::max_element(state.residual));
    return std::move(state.x);
  }

  /// Q_dd·B - factor·Q_dt.
  std::vector<double> nngp_residual(std::vector<double> const& b, double factor, Cross const& dt,
                                    Index width) {
    std::vector<double> m(b.size());
    if (!nngp_.multiply(b.data(), width, m.data(), [this] { return !context_.stop.pending(); }))
      context_.stop_if_asked();
    for (std::size_t i = 0; i < m.size(); ++i) m[i] -= factor * dt.nngp[i];
    return m;
  }

  /// With B = K̂⁻¹K_dt: -K_tdB, or, of the ensemble, Bᵀ(Q_dd·B - 2·Q_dt).
  void add_variances(Range points) {
    Index const width = points.size();
    auto const dt = cross(points);
    auto const b = solve(dt.kernel, width);
    auto const sums = ensemble_ ? rows_.dots(b.data(), nngp_residual(b, 2, dt, width).data(), width)
                                : rows_.dots(dt.kernel.data(), b.data(), width);
    for (Index k = 0; k < width; ++k)
      result_.variance[static_cast<std::size_t>(points.begin + k)] +=
          (ensemble_ ? 1 : -1) * sums[static_cast<std::size_t>(k)];
  }

  /// The columns `points` of the covariance, K_tt - K_tdB, or, of the ensemble,
  /// Q_tt + K_td·K̂⁻¹(Q_dd·B - Q_dt) - Q_tdB. Each goes into the row of its number as well, by halves:
  /// what the tolerance leaves is symmetric.
  void add_covariances(Range points) {
    Index const width = points.size();
    auto const dt = cross(points);
    auto const b = solve(dt.kernel, width);
    auto const x = ensemble_ ? solve(nngp_residual(b, 1, dt, width), width) : std::vector<double>{};
    auto const prior = prior_columns(points);
    Range const mine = result_.rows;
    auto const add = [&](Index row, Index column, double value) {
      if (mine.begin <= row && row < mine.end)
        result_.covariance[static_cast<std::size_t>((row - mine.begin) * n_test_ + column)] +=
            value / 2;
    };
    for_each_block([&](Range others) {
      context_.stop_if_asked();
      auto const other = cross(others);
      Index const count = others.size();
      auto const& with_b = ensemble_ ? other.nngp : other.kernel;
      auto const minus = rows_.products(with_b.data(), count, b.data(), width);
      auto const plus = ensemble_ ? rows_.products(other.kernel.data(), count, x.data(), width)
                                  : std::vector<double>(minus.size());
      for (Index j = 0; j < width; ++j) {
        for (Index i = 0; i < count; ++i) {
          auto const k = static_cast<std::size_t>(j * count + i);
          Index const row = others.begin + i, column = points.begin + j;
          double const value =
              prior[static_cast<std::size_t>(row * width + j)] + plus[k] - minus[k];
          add(row, column, value);
          add(column, row, value);
        }
      }
    });
  }

  /// The columns `points` of the prior covariance, N_test x width, row-major.
  std::vector<Real> prior_columns(Range points) const {
    gram::TileEvaluator<Real> const evaluate(problem_.program, *problem_.test, *problem_.test,
                                             gram::only(prior_));
    std::vector<Real> columns(static_cast<std::size_t>(n_test_ * points.size()));
    bool const nngp = prior_ == gram::Kernel::nngp;
    runtime::agree(context_.comm, [&] {
      evaluate({0, n_test_}, points, nngp ? columns.data() : nullptr,
               nngp ? nullptr : columns.data(), points.size());
    });
    return columns;
  }

  RunContext& context_;
  RegressionOptions const& job_;
  Problem<Real> const& problem_;
  PcgSystem<Real> const& system_;
  linalg::RowBlocks rows_;
  Index n_test_, block_;
  bool ensemble_;
  gram::Kernel prior_;
  regression::RecomputedKernel<Real> nngp_;
  PcgPosterior result_;
};

}  // namespace

template <class Real>
PcgPosterior pcg_posterior(RunContext& context, Problem<Real> const& problem,
                           PcgSystem<Real> const& system) {
  return PosteriorSolver<Real>(context, problem, system).run();
}

template PcgPosterior pcg_posterior(RunContext&, Problem<float> const&, PcgSystem<float> const&);
template PcgPosterior pcg_posterior(RunContext&, Problem<double> const&, PcgSystem<double> const&);

}  // namespace widelimit::cli
