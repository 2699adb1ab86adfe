#include "cli/pcg_job.hpp"

#include <cmath>
#include <limits>

#include "widelimit/regression/kernel_operator.hpp"
#include "widelimit/regression/preconditioner.hpp"
#include "widelimit/regression/prediction_sink.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/regression_results.hpp"
#include "cli/solver_checkpoint.hpp"
#include "cli/solver_progress.hpp"
#include "cli/tile_store.hpp"

namespace widelimit::cli {
namespace {

using linalg::ColumnStatus;
using linalg::PcgEnd;
using linalg::PcgState;
using linalg::ReplicatedMatrix;

/// \tparam Real  of tiles and of the preconditioner; vectors are double
template <class Real>
class PcgJob {
 public:
  explicit PcgJob(RunContext& context)
      : context_(context),
        job_(std::get<RegressionOptions>(context.input.job)),
        plan_(*context.plan.regression),
        kernel_(job_.kernel == RegressionOptions::Kernel::nngp ? gram::Kernel::nngp
                                                               : gram::Kernel::ntk),
        rows_(context.comm, context.shapes.train) {}

  void run() {
    auto const& output = context_.input.output.file;
    io::ResultsWriter::check_output(context_.comm, output, context_.existing());
    read();
    std::optional<io::TileFile> tiles = open_tiles();
    make_operator(tiles ? &*tiles : nullptr);
    context_.stop_if_asked();
    make_preconditioner();
    context_.stop_if_asked();
    solve();
    if (problem_->test) predict();
    write(output);
    if (end_ != PcgEnd::converged) fail(output);
    if (checkpoint_) checkpoint_->discard();
    if (tiles) std::move(*tiles).discard();
    runtime::log(runtime::Level::info, "results in " + output);
  }

 private:
  gram::Output output_kernels() const {
    return kernel_ == gram::Kernel::nngp ? gram::Output::nngp : gram::Output::ntk;
  }
  std::string checkpoint_name() const {
    return checkpoint_path(context_.input.checkpoint, context_.input.output.file);
  }
  bool stored() const { return plan_.gram == RegressionOptions::Gram::stored; }

  void read() {
    runtime::Region const region(context_.timings, "read");
    targets_ = load_targets(context_.comm, context_.input, context_.shapes);
    problem_ = load_problem<Real>(context_.comm, context_.input, context_.shapes);
    columns_.emplace(problem_->program, problem_->train, kernel_);
    double trace = 0;
    for (Index i = 0; i < rows_.size(); ++i) trace += columns_->diagonal(i);
    mean_diagonal_ = trace / static_cast<double>(rows_.size());
    ridge_ = job_.ridge.shift(trace, rows_.size());
  }

  io::TileGrid train_grid() const {
    return {rows_.size(), rows_.size(), context_.plan.tile, io::Coverage::lower};
  }

  std::optional<io::TileFile> open_tiles() {
    if (!context_.input.checkpoint.enabled) return {};
    checkpoint_.emplace(rows_, checkpoint_name() + ".solver", context_.identity(),
                        context_.input.checkpoint.every);
    if (!stored()) return {};
    bool const nngp = kernel_ == gram::Kernel::nngp;
    (nngp ? stored_.nngp : stored_.ntk) = 0;
    return context_.open_tiles(checkpoint_name(), {{nngp ? "/gram/nngp" : "/gram/ntk",
                                                    train_grid(),
                                                    sizeof(Real) == 4,
                                                    {"train_point", "train_point"}}});
  }

  void make_operator(io::TileFile* tiles) {
    runtime::Region const region(context_.timings, "gram");
    if (!stored()) {
      operator_ = std::make_unique<regression::RecomputedKernel<Real>>(
          rows_, gram::PartMaker<Real>{problem_->program, problem_->train, kernel_});
      return;
    }
    auto kernel = std::make_unique<regression::StoredKernel<Real>>(rows_, kernel_);
    std::optional<StoreSource<Real>> source;
    std::optional<StoreSink<Real>> store;
    if (tiles != nullptr) {
      source.emplace(*tiles, stored_);
      store.emplace(*tiles, stored_, context_.input.checkpoint.every);
    }
    auto const* from = source ? &*source : nullptr;
    gram::TileEvaluator<Real> const evaluate(problem_->program, problem_->train, problem_->train,
                                             output_kernels(), gram::DiagonalTiles::lower);
    auto const schedule = gram::schedule<Real>(train_grid(), context_.comm.size(), from, true);
    run_loop<Real>(context_.comm, evaluate, train_grid(), schedule, from, store ? &*store : nullptr,
                   {kernel.get()}, context_.stop, {.label = "gram", .revisit_stored = true});
    operator_ = std::move(kernel);
  }

  void make_preconditioner() {
    if (plan_.preconditioner_rank == 0) return;
    runtime::Region const region(context_.timings, "preconditioner");
    runtime::log(runtime::Level::info,
                 fmt::format("preconditioner of rank {}", plan_.preconditioner_rank));
    Index const rank = plan_.preconditioner_rank;
    auto factor = job_.preconditioner.type == PreconditionerOptions::Type::nystrom
                      ? regression::nystrom(rows_, *columns_, rank)
                      : regression::pivoted_cholesky(rows_, *columns_, rank);
    preconditioner_.emplace(rows_, std::move(factor), ridge_, mean_diagonal_);
  }

  void precondition(double const* r, Index columns, double* z) const {
    if (preconditioner_) {
      preconditioner_->apply(r, columns, z);
    } else {
      std::copy_n(r, rows_.local_size() * columns, z);
    }
  }

  /// Y = (K + λI)·X.
  bool multiply(double const* x, Index columns, double* y) const {
    if (!operator_->multiply(x, columns, y, [this] { return !context_.stop.pending(); }))
      return false;
    Index const entries = rows_.local_size() * columns;
    for (Index i = 0; i < entries; ++i) y[i] += ridge_ * x[i];
    return true;
  }

  void solve() {
    runtime::Region const region(context_.timings, "solve");
    auto const& comm = context_.comm;
    Index const columns = targets_.train.cols;
    auto b = local_columns(targets_.train);
    linalg::Pcg const pcg(
        rows_, [this](auto... arguments) { return multiply(arguments...); },
        [this](auto... arguments) { precondition(arguments...); }, std::move(b), columns,
        {.tolerance = job_.tolerance, .max_iterations = job_.max_iterations});
    if (checkpoint_ && context_.command.resume && checkpoint_->exists()) {
      state_ = checkpoint_->read(columns);
      runtime::log(runtime::Level::info, fmt::format("going on from {} after iteration {}",
                                                     checkpoint_->file(), state_.iteration));
    } else {
      state_ = pcg.start();
    }
    SolverProgress progress(job_.tolerance, state_.iteration);
    end_ = pcg.run(state_, [&](PcgState const& state) {
      progress.update(state);
      bool const stop = comm.first_rank_where(context_.stop.pending()) >= 0;
      if (checkpoint_ && !stop) checkpoint_->write_if_due(state);
      return stop;
    });
    if (checkpoint_ && end_ != PcgEnd::converged && end_ != PcgEnd::indefinite)
      checkpoint_->write(state_);
    if (end_ == PcgEnd::interrupted) {
      context_.stop_if_asked();
    }
    finish();
  }

  /// The solution whole, its predictions on the training points and its true residual.
  void finish() {
    Index const columns = state_.columns, n = rows_.local_size();
    solution_ = replicated(state_.x);
    std::vector<double> product(state_.x.size());
    if (!operator_->multiply(state_.x.data(), columns, product.data(), [] { return true; })) return;
    train_predictions_ = replicated(product);
    auto residual = local_columns(targets_.train);
    auto const yy = rows_.dots(residual.data(), residual.data(), columns);
    for (std::size_t i = 0; i < residual.size(); ++i)
      residual[i] -= product[i] + ridge_ * state_.x[i];
    auto const rr = rows_.dots(residual.data(), residual.data(), columns);
    auto const xx = rows_.dots(state_.x.data(), state_.x.data(), columns);
    (void)n;
    for (std::size_t c = 0; c < rr.size(); ++c) {
      if (!(yy[c] > 0)) continue;
      residual_ = std::max(residual_, std::sqrt(rr[c] / yy[c]));
      // Entries rounded independently of each other, each to half a unit in its last place.
      kernel_rounding_ = std::max(kernel_rounding_,
                                  std::numeric_limits<Real>::epsilon() / 2 * mean_diagonal_ *
                                      std::sqrt(static_cast<double>(rows_.size()) * xx[c] / yy[c]));
    }
    runtime::log(runtime::Level::info,
                 fmt::format("{} iterations, residual {:.3g}", state_.iteration, residual_));
    if (kernel_rounding_ > job_.tolerance && end_ == PcgEnd::converged) {
      runtime::log(
          runtime::Level::warning,
          fmt::format("the entries of the kernel in {} precision are rounded, which moves "
                      "the residual by up to about {:.1e}, more than the tolerance {:.1e}; "
                      "the equations that were solved are those of the rounded kernel. "
                      "precision: double, or a ridge, make it less",
                      sizeof(Real) == 8 ? "double" : "single", kernel_rounding_, job_.tolerance));
    }
  }

  void predict() {
    runtime::Region const region(context_.timings, "predict");
    io::TileGrid const grid{context_.shapes.test, rows_.size(), context_.plan.tile,
                            io::Coverage::all};
    gram::TileEvaluator<Real> const evaluate(problem_->program, *problem_->test, problem_->train,
                                             output_kernels());
    regression::PredictionSink<Real> sink(solution_, context_.shapes.test);
    auto const schedule = gram::schedule<Real>(grid, context_.comm.size(), nullptr, false);
    run_loop<Real>(context_.comm, evaluate, grid, schedule, nullptr, nullptr, {&sink},
                   context_.stop, {.label = "predict"});
    test_predictions_ = std::move(sink).sum(context_.comm);
  }

  void write(std::string const& output) {
    io::ResultsWriter results(context_.comm, output, context_.existing());
    write_outputs(results, "/solution/alpha", solution_, "train_point");
    write_outputs(results, "/predictions/train", train_predictions_, "train_point");
    write_metrics(results, "train", train_predictions_, targets_.train, targets_.classes);
    if (test_predictions_) {
      write_outputs(results, "/predictions/test", *test_predictions_, "test_point");
      if (targets_.test)
        write_metrics(results, "test", *test_predictions_, *targets_.test, targets_.classes);
    }
    if (state_.iteration > 0)
      results.write("/solver/residual", {{state_.iteration}, {"iteration"}}, state_.history.data());
    results.attribute("/solver", "type", "pcg");
    results.attribute("/solver", "converged", Index{end_ == PcgEnd::converged ? 1 : 0});
    results.attribute("/solver", "iterations", state_.iteration);
    results.attribute("/solver", "true_residual", residual_);
    results.attribute("/solver", "kernel_rounding", kernel_rounding_);
    results.attribute("/solver", "tolerance", job_.tolerance);
    results.attribute("/solver", "ridge", ridge_);
    results.attribute("/solver", "gram", stored() ? "stored" : "recomputed");
    results.attribute("/solver", "preconditioner", preconditioner_name());
    results.attribute("/solver", "rank", preconditioner_ ? preconditioner_->rank() : Index{0});
    results.record(context_.record());
    results.commit();
  }

  std::string preconditioner_name() const {
    switch (job_.preconditioner.type) {
      case PreconditionerOptions::Type::nystrom:
        return "nystrom";
      case PreconditionerOptions::Type::pivoted_cholesky:
        return "pivoted_cholesky";
      case PreconditionerOptions::Type::none:
        break;
    }
    return "none";
  }

  /// Throws what the solver came to, with what to try.
  [[noreturn]] void fail(std::string const& output) const {
    Index behind = 0;
    double curvature = 0;
    for (std::size_t c = 0; c < state_.status.size(); ++c) {
      if (state_.status[c] != ColumnStatus::converged) ++behind;
      curvature = std::min(curvature, state_.curvature[c]);
    }
    std::string const so_far = fmt::format(
        "{} of {} outputs are above the tolerance {:.2g} after {} iterations (largest "
        "relative residual {:.2g}); {} holds the solution so far",
        behind, state_.columns, job_.tolerance, state_.iteration, residual_, output);
    switch (end_) {
      case PcgEnd::max_iterations:
        throw InputError(
            context_.input.where("job.max_iterations"),
            so_far + fmt::format(". Raise job.max_iterations{}; a higher job.preconditioner.rank "
                                 "or a ridge makes each iteration gain more",
                                 checkpoint_ ? " and go on with --resume --overwrite" : ""));
      case PcgEnd::indefinite:
        throw InputError(
            context_.input.where("job.ridge"),
            so_far +
                fmt::format(
                    ". The kernel with its ridge is not positive definite: along one "
                    "direction it is {:.2e} (the mean of its diagonal is {:.2e}). Equal or "
                    "almost equal training points, or rounding in {} precision, may be the "
                    "cause; set an absolute job.ridge above {:.1e}{}",
                    curvature, mean_diagonal_, sizeof(Real) == 8 ? "double" : "single",
                    std::max(-2 * curvature, std::numeric_limits<Real>::epsilon() * mean_diagonal_ *
                                                 std::sqrt(static_cast<double>(rows_.size()))),
                    sizeof(Real) == 8 ? "" : " or use precision: double"));
      default:
        throw InputError(
            context_.input.where("job.tolerance"),
            so_far + fmt::format(". The residual no longer falls: set a ridge, a higher "
                                 "job.preconditioner.rank{} or a tolerance above {:.1e}",
                                 sizeof(Real) == 8 ? "" : ", precision: double", residual_));
    }
  }

  /// This rank's rows, column-major.
  std::vector<double> local_columns(ReplicatedMatrix const& matrix) const {
    Range const mine = rows_.mine();
    std::vector<double> local;
    local.reserve(static_cast<std::size_t>(mine.size() * matrix.cols));
    for (Index c = 0; c < matrix.cols; ++c)
      for (Index i = mine.begin; i < mine.end; ++i) local.push_back(matrix(i, c));
    return local;
  }

  ReplicatedMatrix replicated(std::vector<double> const& local) const {
    Index const n = rows_.size(), columns = state_.columns;
    std::vector<double> whole(static_cast<std::size_t>(n * columns));
    rows_.gather(local.data(), columns, whole.data());
    ReplicatedMatrix matrix(n, columns);
    for (Index i = 0; i < n; ++i)
      for (Index c = 0; c < columns; ++c) matrix(i, c) = whole[static_cast<std::size_t>(c * n + i)];
    return matrix;
  }

  RunContext& context_;
  RegressionOptions const& job_;
  RegressionPlan const& plan_;
  gram::Kernel kernel_;
  linalg::RowBlocks rows_;
  StoredMatrices stored_;
  Targets targets_;
  std::unique_ptr<Problem<Real>> problem_;
  std::optional<regression::EvaluatedColumns<Real>> columns_;
  double mean_diagonal_ = 0, ridge_ = 0;
  std::unique_ptr<regression::KernelOperator> operator_;
  std::optional<regression::LowRankPreconditioner<Real>> preconditioner_;
  std::optional<SolverCheckpoint> checkpoint_;
  PcgState state_;
  PcgEnd end_ = PcgEnd::converged;
  double residual_ = 0, kernel_rounding_ = 0;
  ReplicatedMatrix solution_, train_predictions_;
  std::optional<ReplicatedMatrix> test_predictions_;
};

}  // namespace

void run_pcg_regression(RunContext& context) {
  if (context.input.precision == Precision::double_) {
    PcgJob<double>(context).run();
  } else {
    PcgJob<float>(context).run();
  }
}

}  // namespace widelimit::cli
