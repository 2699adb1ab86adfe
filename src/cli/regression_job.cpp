#include <optional>

#include "widelimit/regression/cholesky_regression.hpp"
#include "widelimit/regression/metrics.hpp"
#include "widelimit/regression/posterior.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/job_drivers.hpp"
#include "cli/matrix_fill.hpp"
#include "cli/pcg_job.hpp"
#include "cli/prediction.hpp"
#include "cli/regression_results.hpp"

namespace widelimit::cli {
namespace {

using linalg::DistributedMatrix;
using linalg::ReplicatedMatrix;
using Posterior = RegressionOptions::Posterior;

ReplicatedMatrix columns_of(ReplicatedMatrix const& a, Range columns) {
  ReplicatedMatrix part(a.rows, columns.size());
  for (Index i = 0; i < a.rows; ++i)
    std::copy_n(a.row(i) + columns.begin, columns.size(), part.row(i));
  return part;
}

ReplicatedMatrix beside(ReplicatedMatrix const& a, ReplicatedMatrix const& b) {
  ReplicatedMatrix both(a.rows, a.cols + b.cols);
  for (Index i = 0; i < a.rows; ++i) {
    std::copy_n(a.row(i), a.cols, both.row(i));
    std::copy_n(b.row(i), b.cols, both.row(i) + a.cols);
  }
  return both;
}

/// Kernel regression by Cholesky.
/// \tparam Real   of tiles
/// \tparam Solve  of the factorisation
template <class Real, class Solve>
class RegressionJob {
 public:
  explicit RegressionJob(RunContext& context)
      : context_(context),
        job_(std::get<RegressionOptions>(context.input.job)),
        grid_(context.comm),
        ensemble_(job_.posterior != Posterior::mean &&
                  job_.kernel == RegressionOptions::Kernel::ntk),
        kernel_(job_.kernel == RegressionOptions::Kernel::nngp ? gram::Kernel::nngp
                                                               : gram::Kernel::ntk) {}

  void run() {
    auto const& output = context_.input.output.file;
    io::ResultsWriter::check_new_output(context_.comm, output, context_.existing());
    read();
    Index const n = context_.shapes.train;
    kernel_dd_.emplace(grid_, n, n);
    if (ensemble_) nngp_dd_.emplace(grid_, n, n);
    auto tiles = fill_train_matrices<Real, Solve>(context_, *problem_, kernel_, *kernel_dd_,
                                                  ensemble_ ? &*nngp_dd_ : nullptr);
    context_.stop_if_asked();
    solve();
    context_.stop_if_asked();
    if (problem_->test) predict();
    write(output);
    if (tiles) std::move(*tiles).discard();
    runtime::log(runtime::Level::info, "results in " + output);
  }

 private:
  /// Which kernels the tiles need.
  gram::Output output_kernels() const {
    if (ensemble_) return gram::Output::both;
    return gram::only(kernel_);
  }

  void read() {
    runtime::Region const region(context_.timings, "read");
    targets_ = load_targets(context_.comm, context_.input, context_.shapes);
    problem_ = load_problem<Real>(context_.comm, context_.input, context_.shapes);
  }

  void solve() {
    runtime::Region const region(context_.timings, "solve");
    runtime::log(runtime::Level::info, fmt::format("factorising {0} x {0}", context_.shapes.train));
    Location where = context_.input.where("job.ridge");
    where.key = "job.ridge";
    try {
      regression_.emplace(std::move(*kernel_dd_), job_.ridge,
                          kernel_ == gram::Kernel::nngp ? "NNGP" : "NTK", where);
    } catch (InputError const& e) {
      if (!context_.input.checkpoint.enabled) throw;
      throw InputError(e.what() + std::string(". With --resume the kernel is not computed again"));
    }
    kernel_dd_.reset();
    solution_ = regression_->solve(targets_.train);
  }

  void predict() {
    runtime::Region const region(context_.timings, "predict");
    auto const leading = regression_->factor().solve_leading(targets_.train, job_.samples);
    if (job_.posterior == Posterior::mean) {
      // One pass over the kernel for all.
      auto const all = predict_test(context_, *problem_, kernel_, beside(solution_.alpha, leading));
      test_predictions_ = columns_of(all, {0, solution_.alpha.cols});
      measure_learning_curve(columns_of(all, {solution_.alpha.cols, all.cols}));
      return;
    }
    predict_posterior();
    if (!job_.samples.empty())
      measure_learning_curve(predict_test(context_, *problem_, kernel_, leading));
  }

  /// Errors on the test points after regression on the first rows alone. \param predictions  N_test x
  /// samples·C
  void measure_learning_curve(ReplicatedMatrix const& predictions) {
    for (std::size_t k = 0; k < job_.samples.size(); ++k) {
      auto const& y = *targets_.test;
      Index const begin = static_cast<Index>(k) * y.cols;
      auto const f = columns_of(predictions, {begin, begin + y.cols});
      curve_.mse.push_back(regression::mean_squared_error(f, y));
      if (targets_.classes) curve_.accuracy.push_back(regression::accuracy(f, y));
    }
  }

  void write_learning_curve(io::ResultsWriter& results) const {
    io::ArrayLayout const layout{{static_cast<Index>(job_.samples.size())}, {"sample_size"}};
    results.write("/learning_curve/samples", layout, job_.samples.data());
    results.write("/learning_curve/test_mse", layout, curve_.mse.data());
    if (targets_.classes)
      results.write("/learning_curve/test_accuracy", layout, curve_.accuracy.data());
  }

  void predict_posterior() {
    Index const n = context_.shapes.train, n_test = context_.shapes.test;
    DistributedMatrix<Solve> kernel_dt(grid_, n, n_test);
    std::optional<DistributedMatrix<Solve>> nngp_dt;
    if (ensemble_) nngp_dt.emplace(grid_, n, n_test);
    io::TileGrid const grid{n, n_test, context_.plan.tile, io::Coverage::all};
    gram::TileEvaluator<Real> const evaluate(problem_->program, problem_->train, *problem_->test,
                                             output_kernels());
    fill_matrices<Real, Solve>(context_, evaluate, grid, kernel_, kernel_dt,
                               ensemble_ ? &*nngp_dt : nullptr, nullptr, nullptr, "predict");
    test_predictions_ = regression::predict(kernel_dt, solution_.alpha);

    bool const prior_nngp = ensemble_ || kernel_ == gram::Kernel::nngp;
    auto const& factor = regression_->factor().factor();
    if (job_.posterior == Posterior::variance) {
      auto const prior =
          diagonal_of(*problem_->test, prior_nngp ? gram::Kernel::nngp : gram::Kernel::ntk);
      variance_ = ensemble_ ? regression::ensemble_variance(factor, std::move(kernel_dt), *nngp_dd_,
                                                            std::move(*nngp_dt), prior)
                            : regression::gp_variance(factor, std::move(kernel_dt), prior);
      return;
    }
    covariance_.emplace(grid_, n_test, n_test);
    fill_prior(*covariance_, prior_nngp);
    if (ensemble_) {
      regression::ensemble_covariance(factor, std::move(kernel_dt), *nngp_dd_, std::move(*nngp_dt),
                                      *covariance_);
    } else {
      regression::gp_covariance(factor, std::move(kernel_dt), *covariance_);
    }
  }

  void fill_prior(DistributedMatrix<Solve>& prior, bool nngp) {
    Index const n_test = context_.shapes.test;
    io::TileGrid const grid{n_test, n_test, context_.plan.tile, io::Coverage::lower};
    gram::TileEvaluator<Real> const evaluate(problem_->program, *problem_->test, *problem_->test,
                                             nngp ? gram::Output::nngp : gram::Output::ntk);
    fill_matrices<Real, Solve>(context_, evaluate, grid,
                               nngp ? gram::Kernel::nngp : gram::Kernel::ntk, prior, nullptr,
                               nullptr, nullptr, "prior");
  }

  void write(std::string const& output) {
    io::ResultsWriter results(context_.comm, output, context_.existing());
    write_outputs(results, "/solution/alpha", solution_.alpha, "train_point");
    write_outputs(results, "/predictions/train", solution_.train_predictions, "train_point");
    write_metrics(results, "train", solution_.train_predictions, targets_.train, targets_.classes);
    if (test_predictions_) {
      write_outputs(results, "/predictions/test", *test_predictions_, "test_point");
      if (targets_.test)
        write_metrics(results, "test", *test_predictions_, *targets_.test, targets_.classes);
    }
    Index const n_test = context_.shapes.test;
    if (variance_)
      results.write("/predictions/test_variance", {{n_test}, {"test_point"}}, variance_->data());
    if (covariance_) write_covariance(results);
    if (!job_.samples.empty()) write_learning_curve(results);
    results.write("/solver/residual", {{1}, {"iteration"}}, &solution_.residual);
    results.attribute("/solver", "type", "cholesky");
    results.attribute("/solver", "ridge", regression_->shift());
    results.record(context_.record());
    results.commit();
  }

  /// Each rank writes a share of the rows, which it gets panel by panel, so that no rank holds the
  /// whole.
  void write_covariance(io::ResultsWriter& results) {
    auto const& comm = context_.comm;
    Index const n = covariance_->rows();
    Index const share = (n + comm.size() - 1) / comm.size();
    Range const mine{std::min(n, comm.rank() * share), std::min(n, (comm.rank() + 1) * share)};
    std::vector<double> rows(static_cast<std::size_t>(mine.size() * n));
    constexpr Index panel_rows = 128;
    std::vector<double> panel(static_cast<std::size_t>(panel_rows * n));
    for (Index begin = 0; begin < n; begin += panel_rows) {
      Index const end = std::min(n, begin + panel_rows);
      std::fill(panel.begin(), panel.end(), 0.0);
      for (Index j = 0; j < covariance_->local_cols(); ++j) {
        for (Index i = 0; i < covariance_->local_rows(); ++i) {
          Index const row = covariance_->global_row(i);
          if (row < begin || row >= end) continue;
          panel[static_cast<std::size_t>((row - begin) * n + covariance_->global_col(j))] =
              covariance_->local(i, j);
        }
      }
      comm.sum(panel.data(), (end - begin) * n);
      Index const first = std::max(begin, mine.begin), last = std::min(end, mine.end);
      if (first < last) {
        std::copy_n(panel.data() + (first - begin) * n, (last - first) * n,
                    rows.data() + (first - mine.begin) * n);
      }
    }
    results.write_rows("/predictions/test_covariance", {{n, n}, {"test_point", "test_point"}}, mine,
                       rows.data());
  }

  RunContext& context_;
  RegressionOptions const& job_;
  linalg::ProcessGrid grid_;
  bool ensemble_;
  gram::Kernel kernel_;
  Targets targets_;
  std::unique_ptr<Problem<Real>> problem_;
  std::optional<DistributedMatrix<Solve>> kernel_dd_, nngp_dd_, covariance_;
  std::optional<regression::CholeskyRegression<Solve>> regression_;
  regression::Solution solution_;
  std::optional<ReplicatedMatrix> test_predictions_;
  std::optional<std::vector<double>> variance_;
  struct {
    std::vector<double> mse, accuracy;
  } curve_;  ///< for each of `job_.samples`
};

}  // namespace

void run_regression(RunContext& context) {
  if (std::get<RegressionPlan>(context.plan.choice).solver == RegressionOptions::Solver::pcg)
    return run_pcg_regression(context);
  switch (context.input.precision) {
    case Precision::double_:
      return RegressionJob<double, double>(context).run();
    case Precision::single:
      return RegressionJob<float, float>(context).run();
    case Precision::mixed:
      return RegressionJob<float, double>(context).run();
  }
}

}  // namespace widelimit::cli
