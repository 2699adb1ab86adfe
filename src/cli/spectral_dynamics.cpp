#include "cli/spectral_dynamics.hpp"

#include "widelimit/linalg/triangle.hpp"
#include "widelimit/regression/spectral_flow.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/matrix_fill.hpp"

namespace widelimit::cli {
namespace {

using linalg::DistributedMatrix;
using regression::EnsembleFlow;
using regression::SpectralFlow;

template <class Real>
class SpectralDynamics {
 public:
  SpectralDynamics(RunContext& context, DynamicsProblem<Real> const& problem)
      : context_(context),
        job_(std::get<DynamicsOptions>(context.input.job)),
        problem_(problem),
        grid_(context.comm),
        two_kernels_(job_.ensemble && problem.kernel == gram::Kernel::ntk) {}

  SpectralOutcome run() {
    kernel_dd_.emplace(grid_, train(), train());
    if (two_kernels_) nngp_dd_.emplace(grid_, train(), train());
    fill_train_matrices<Real, double>(context_, *problem_.points, problem_.kernel, *kernel_dd_,
                                      two_kernels_ ? &*nngp_dd_ : nullptr);
    context_.stop_if_asked();
    decompose();
    context_.stop_if_asked();
    SpectralOutcome outcome;
    outcome.ridge = problem_.ridge;
    outcome.largest_eigenvalue = flow_->largest_eigenvalue();
    follow(outcome.trajectory);
    if (job_.ensemble) outcome.covariances = covariances();
    return outcome;
  }

 private:
  Index train() const { return context_.shapes.train; }
  Index test() const { return context_.shapes.test; }

  gram::Output output() const {
    if (two_kernels_) return gram::Output::both;
    return gram::only(problem_.kernel);
  }
  void decompose() {
    runtime::Region const region(context_.timings, "eigenvectors");
    runtime::log(runtime::Level::info, fmt::format("eigenvectors of {0} x {0}", train()));
    flow_.emplace(std::move(*kernel_dd_), problem_.ridge,
                  regression::GradientFlow{.rate = job_.optimizer.learning_rate,
                                           .scale = problem_.loss_scale,
                                           .momentum = job_.optimizer.momentum});
    kernel_dd_.reset();
    bool const forever = job_.times.back() == regression::GradientFlow::forever;
    if (Index const lost = flow_->null_directions(); lost > 0 && forever)
      runtime::log(
          runtime::Level::warning,
          fmt::format("the kernel is zero to rounding in {} of {} directions (equal or almost "
                      "equal points?): at t = inf outputs keep their initial values in these; a "
                      "ridge avoids them",
                      lost, train()));
  }

  void follow(Trajectory& trajectory) const {
    runtime::Region const region(context_.timings, "flow");
    auto residual = problem_.targets.train;
    for (std::size_t k = 0; k < residual.values.size(); ++k)
      residual.values[k] -= problem_.start.values[k];
    for (double const time : job_.times) {
      TrajectoryPoint point{.time = time,
                            .coefficients = flow_->coefficients(residual, time),
                            .train = flow_->displacement(residual, time)};
      for (std::size_t k = 0; k < residual.values.size(); ++k)
        point.train.values[k] += problem_.start.values[k];
      trajectory.push_back(std::move(point));
    }
  }

  CovarianceSlices covariances() {
    runtime::Region const region(context_.timings, "ensemble");
    EnsembleFlow ensemble(
        *flow_, two_kernels_ ? EnsembleFlow::Trained::all : EnsembleFlow::Trained::readout,
        std::move(nngp_dd_));
    if (test() > 0) set_test(ensemble);
    auto const count = static_cast<Index>(job_.times.size());
    Index const ranks = context_.comm.size(), share = (count + ranks - 1) / ranks;
    CovarianceSlices slices;
    Index const first = std::min(count, context_.comm.rank() * share);
    slices.times = {first, std::min(count, first + share)};
    for (Index k = 0; k < count; ++k) {
      double const time = job_.times[static_cast<std::size_t>(k)];
      int const owner = static_cast<int>(k / share);
      append(ensemble.train_covariance(time), owner, slices.train);
      if (flow_->ridge() > 0)
        append(ensemble.train_covariance_with_ridge(time), owner, slices.train_with_ridge);
      if (test() > 0) append(ensemble.test_covariance(time), owner, slices.test);
      context_.stop_if_asked();
    }
    return slices;
  }

  void set_test(EnsembleFlow& ensemble) {
    auto const& points = *problem_.points;
    DistributedMatrix<double> kernel_dt(grid_, train(), test());
    std::optional<DistributedMatrix<double>> nngp_dt;
    if (two_kernels_) nngp_dt.emplace(grid_, train(), test());
    io::TileGrid const cross{train(), test(), context_.plan.tile, io::Coverage::all};
    gram::TileEvaluator<Real> const evaluate_cross(points.program, points.train, *points.test,
                                                   output());
    fill_matrices<Real, double>(context_, evaluate_cross, cross, problem_.kernel, kernel_dt,
                                nngp_dt ? &*nngp_dt : nullptr, nullptr, nullptr, "test");
    DistributedMatrix<double> prior(grid_, test(), test());
    gram::TileEvaluator<Real> const evaluate_prior(points.program, *points.test, *points.test,
                                                   gram::Output::nngp);
    io::TileGrid const square{test(), test(), context_.plan.tile, io::Coverage::lower};
    fill_matrices<Real, double>(context_, evaluate_prior, square, gram::Kernel::nngp, prior,
                                nullptr, nullptr, nullptr, "prior");
    ensemble.set_test(kernel_dt, nngp_dt, std::move(prior));
  }

  /// Adds a whole symmetric matrix, of which the lower triangle is given, to `slices` of one rank.
  /// In panels of rows, so that no other rank holds it.
  void append(DistributedMatrix<double> const& a, int owner, std::vector<double>& slices) const {
    Index const n = a.rows();
    constexpr Index panel_rows = 128;
    std::vector<double> panel(static_cast<std::size_t>(std::min(n, panel_rows) * n));
    auto const before = slices.size();
    bool const mine = context_.comm.rank() == owner;
    if (mine) slices.resize(before + static_cast<std::size_t>(n * n));
    double* const to = slices.data() + before;
    for (Index begin = 0; begin < n; begin += panel_rows) {
      Index const end = std::min(n, begin + panel_rows);
      std::fill(panel.begin(), panel.end(), 0.0);
      a.for_each_block(
          linalg::Part::lower, [&](Range rows, Range cols, double const* entries, Index ld) {
            for (Index i = std::max(rows.begin, begin); i < std::min(rows.end, end); ++i)
              for (Index j = cols.begin; j < std::min(cols.end, i + 1); ++j)
                panel[static_cast<std::size_t>((i - begin) * n + j)] =
                    entries[i - rows.begin + (j - cols.begin) * ld];
          });
      context_.comm.sum(panel.data(), (end - begin) * n);
      if (!mine) continue;
      for (Index i = begin; i < end; ++i)
        for (Index j = 0; j <= i; ++j)
          to[i * n + j] = to[j * n + i] = panel[static_cast<std::size_t>((i - begin) * n + j)];
    }
  }

  RunContext& context_;
  DynamicsOptions const& job_;
  DynamicsProblem<Real> const& problem_;
  linalg::ProcessGrid grid_;
  bool two_kernels_;
  std::optional<DistributedMatrix<double>> kernel_dd_, nngp_dd_;
  std::optional<SpectralFlow> flow_;
};

}  // namespace

template <class Real>
SpectralOutcome spectral_dynamics(RunContext& context, DynamicsProblem<Real> const& problem) {
  return SpectralDynamics<Real>(context, problem).run();
}

template SpectralOutcome spectral_dynamics(RunContext&, DynamicsProblem<float> const&);
template SpectralOutcome spectral_dynamics(RunContext&, DynamicsProblem<double> const&);

}  // namespace widelimit::cli
