#include "cli/pcg_system.hpp"

#include <algorithm>
#include <limits>

#include "widelimit/kernels/split_entries.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/matrix_fill.hpp"

namespace widelimit::cli {
namespace {

RegressionOptions const& options_of(RunContext const& context) {
  return std::get<RegressionOptions>(context.input.job);
}

gram::Kernel kernel_of(RegressionOptions const& job) {
  return job.kernel == RegressionOptions::Kernel::nngp ? gram::Kernel::nngp : gram::Kernel::ntk;
}

}  // namespace

template <class Real>
PcgSystem<Real>::PcgSystem(RunContext& context, Problem<Real> const& problem,
                           Problem<double> const* exact)
    : context_(context),
      problem_(problem),
      exact_problem_(exact),
      job_(options_of(context)),
      plan_(std::get<RegressionPlan>(context.plan.choice)),
      kernel_(kernel_of(job_)),
      rows_(context.comm, context.shapes.train),
      columns_(problem.program, problem.train, kernel_) {
  double trace = 0;
  for (Index i = 0; i < rows_.size(); ++i) trace += columns_.diagonal(i);
  mean_diagonal_ = trace / static_cast<double>(rows_.size());
  ridge_ = job_.ridge.shift(trace, rows_.size());
  if (exact != nullptr && !plan_.remainders)
    exact_.emplace(rows_, gram::PartMaker<double>{exact->program, exact->train, kernel_});
}

template <class Real>
double PcgSystem<Real>::entry_rounding() const {
  if (plan_.remainders) return kernels::split_rounding;
  return (exact_ ? std::numeric_limits<double>::epsilon() : std::numeric_limits<Real>::epsilon()) /
         2;
}

template <class Real>
std::optional<io::TileFile> PcgSystem<Real>::open_tiles(std::string const& name) {
  if (plan_.gram == RegressionOptions::Gram::recomputed) return {};
  return open_train_tiles<Real>(context_, name, output(), stored_);
}

template <class Real>
void PcgSystem<Real>::fill(io::TileFile* tiles, std::vector<gram::TileSink<Real>*> sinks,
                           bool revisit_stored) {
  std::optional<StoreSink<Real>> store;
  if (tiles != nullptr) {
    source_.emplace(*tiles, stored_);
    store.emplace(*tiles, stored_, context_.input.checkpoint.every);
  }
  auto const* from = source_ ? &*source_ : nullptr;
  gram::TileEvaluator<Real> const evaluate(problem_.program, problem_.train, problem_.train,
                                           output(), gram::DiagonalTiles::lower);
  auto const schedule =
      gram::schedule<Real>(train_grid(context_), context_.comm.size(), from, revisit_stored,
                           sinks.empty() ? gram::Dealing::whoever_is_free : gram::Dealing::fixed);
  run_loop<Real>(context_.comm, evaluate, train_grid(context_), schedule, from,
                 store ? &*store : nullptr, std::move(sinks), context_.stop, {.label = "gram"});
}

template <class Real>
std::unique_ptr<regression::KernelOperator> PcgSystem<Real>::store_with_remainders() {
  auto kernel = std::make_unique<regression::StoredKernel<Real, double>>(rows_, kernel_);
  auto const grid = train_grid(context_);
  gram::TileEvaluator<double> const evaluate(exact_problem_->program, exact_problem_->train,
                                             exact_problem_->train, output(),
                                             gram::DiagonalTiles::lower);
  run_loop<double>(
      context_.comm, evaluate, grid,
      gram::schedule<double>(grid, context_.comm.size(), nullptr, true, gram::Dealing::fixed),
      nullptr, nullptr, {kernel.get()}, context_.stop, {.label = "gram"});
  return kernel;
}

template <class Real>
void PcgSystem<Real>::make_operator(io::TileFile* tiles) {
  runtime::Region const region(context_.timings, "gram");
  switch (plan_.gram) {
    case RegressionOptions::Gram::file:
      fill(tiles, {}, false);
      operator_ = std::make_unique<regression::FiledKernel<Real>>(rows_, train_grid(context_),
                                                                  *source_, kernel_);
      break;
    case RegressionOptions::Gram::recomputed:
      operator_ = std::make_unique<regression::RecomputedKernel<Real>>(
          rows_, gram::PartMaker<Real>{problem_.program, problem_.train, kernel_});
      break;
    default: {
      if (plan_.remainders) {
        operator_ = store_with_remainders();
        break;
      }
      auto kernel = std::make_unique<regression::StoredKernel<Real>>(rows_, kernel_);
      fill(tiles, {kernel.get()}, true);
      operator_ = std::move(kernel);
    }
  }
}

template <class Real>
void PcgSystem<Real>::make_preconditioner() {
  Index const rank = plan_.preconditioner_rank;
  if (rank == 0) return;
  runtime::Region const region(context_.timings, "preconditioner");
  auto factor = job_.preconditioner.type == PreconditionerOptions::Type::nystrom
                    ? regression::nystrom(rows_, columns_, rank)
                    : regression::pivoted_cholesky(rows_, columns_, rank);
  std::optional<regression::BlocksOf<Real>> blocks;
  if (plan_.preconditioner_block > 0)
    blocks.emplace(regression::BlocksOf<Real>{columns_, plan_.preconditioner_block});
  preconditioner_.emplace(rows_, std::move(factor), ridge_, mean_diagonal_, blocks);
  runtime::log(runtime::Level::info,
               fmt::format("preconditioner of rank {}", preconditioner_->rank()));
}

template <class Real>
bool PcgSystem<Real>::multiply(regression::KernelOperator const& kernel, double const* x,
                               Index columns, double* y, gram::PartSums sums) const {
  return kernel.multiply(
      x, columns, y, [this] { return !context_.stop.pending(); }, sums);
}

template <class Real>
bool PcgSystem<Real>::multiply_kernel(double const* x, Index columns, double* y) const {
  return multiply(best_kernel(), x, columns, y, gram::PartSums::exact);
}

template <class Real>
void PcgSystem<Real>::precondition(double const* r, Index columns, double* z) const {
  if (preconditioner_) {
    preconditioner_->apply(r, columns, z);
  } else {
    std::copy_n(r, rows_.local_size() * columns, z);
  }
}

template <class Real>
linalg::Pcg PcgSystem<Real>::solver(std::vector<double> b, Index columns,
                                    linalg::PcgOptions const& options, Residuals residuals) const {
  auto const with_ridge = [this](regression::KernelOperator const& kernel, gram::PartSums sums) {
    return [this, &kernel, sums](double const* x, Index count, double* y) {
      if (!multiply(kernel, x, count, y, sums)) return false;
      Index const entries = rows_.local_size() * count;
      for (Index i = 0; i < entries; ++i) y[i] += ridge_ * x[i];
      return true;
    };
  };
  linalg::Pcg::Operators operators{
      .multiply = with_ridge(*operator_, gram::PartSums::working),
      .multiply_exactly = with_ridge(residuals == Residuals::exact ? best_kernel() : *operator_,
                                     gram::PartSums::exact),
      .precondition = [this](double const* r, Index count, double* z) {
        precondition(r, count, z);
      }};
  return {rows_, std::move(operators), std::move(b), columns, options};
}

template class PcgSystem<float>;
template class PcgSystem<double>;

}  // namespace widelimit::cli
