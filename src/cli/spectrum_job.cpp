#include <cmath>

#include "widelimit/linalg/eigen.hpp"
#include "widelimit/linalg/leading_eigen.hpp"
#include "widelimit/linalg/local_columns.hpp"
#include "widelimit/linalg/products.hpp"
#include "widelimit/regression/gradient_flow.hpp"
#include "widelimit/regression/kernel_spectrum.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/job_drivers.hpp"
#include "cli/matrix_fill.hpp"
#include "cli/training_checkpoint.hpp"
#include "cli/training_kernel.hpp"

namespace widelimit::cli {
namespace {

using linalg::DistributedMatrix;
using linalg::ReplicatedMatrix;

/// Sizes 1, 2, 5, 10, … up to `largest`.
std::vector<Index> sizes_up_to(Index largest) {
  std::vector<Index> sizes;
  for (Index decade = 1; decade <= largest; decade *= 10)
    for (Index const digit : {1, 2, 5})
      if (digit * decade <= largest) sizes.push_back(digit * decade);
  return sizes;
}

template <class Real>
class SpectrumJob {
 public:
  explicit SpectrumJob(RunContext& context)
      : context_(context),
        job_(std::get<SpectrumOptions>(context.input.job)),
        rows_(context.comm, context.shapes.train),
        kernel_(job_.kernel == SpectrumOptions::Kernel::nngp ? gram::Kernel::nngp
                                                             : gram::Kernel::ntk) {}

  void run() {
    auto const& output = context_.input.output.file;
    io::ResultsWriter::check_new_output(context_.comm, output, context_.existing());
    read();
    if (std::get<SpectrumPlan>(context_.plan.choice).dense) {
      decompose();
    } else {
      iterate();
    }
    write(output);
    if (!exact_)
      throw InputError(
          context_.input.where("job.max_products"),
          fmt::format(
              "some eigenpairs have a residual of {:.2g}, above the tolerance {:.2g}, after "
              "{} products with the kernel; the results in {} hold what was found. Raise "
              "job.max_products or the tolerance, or lower job.count",
              *std::ranges::max_element(residuals_), job_.tolerance, products_, output));
    if (context_.input.checkpoint.enabled) remove_file(context_.comm, checkpoint_file());
    runtime::log(runtime::Level::info, "results in " + output);
  }

 private:
  Index points() const { return rows_.size(); }
  /// Eigenpairs that are kept; fewer than wanted where products did not suffice.
  Index count() const { return std::min<Index>(job_.count, static_cast<Index>(residuals_.size())); }
  std::string checkpoint_file() const {
    return checkpoint_path(context_.input.checkpoint, context_.input.output.file);
  }

  void read() {
    runtime::Region const region(context_.timings, "read");
    if (!context_.input.data.train.targets.empty())
      targets_ = load_targets(context_.comm, context_.input, context_.shapes).train;
    problem_ = load_problem<Real>(context_.comm, context_.input, context_.shapes);
    for (double const entry : diagonal_of(problem_->train, kernel_)) spectrum_.trace += entry;
    spectrum_.points = points();
    for (double const y : targets_.values) spectrum_.total_power += y * y;
  }

  // --- all eigenvectors

  void decompose() {
    linalg::ProcessGrid const grid(context_.comm);
    DistributedMatrix<double> matrix(grid, points(), points());
    fill_train_matrices<Real, double>(context_, *problem_, kernel_, matrix, nullptr);
    context_.stop_if_asked();
    runtime::Region const region(context_.timings, "eigenvectors");
    runtime::log(runtime::Level::info, fmt::format("eigenvectors of {0} x {0}", points()));
    auto const system = linalg::symmetric_eigen(std::move(matrix));
    // All are known: the sums over them have no unknown tail.
    spectrum_.values.assign(system.values.rbegin(), system.values.rend());
    if (targets_.cols > 0) {
      DistributedMatrix<double> y(grid, points(), targets_.cols);
      DistributedMatrix<double> projected(grid, points(), targets_.cols);
      y.scatter(targets_);
      linalg::gemm(linalg::Op::transposed, linalg::Op::plain, 1.0, system.vectors, y, 0.0,
                   projected);
      auto const along = projected.gather();
      for (Index k = points() - 1; k >= 0; --k) {
        double power = 0;
        for (Index c = 0; c < along.cols; ++c) power += along(k, c) * along(k, c);
        spectrum_.power.push_back(power);
      }
    }
    residuals_.assign(static_cast<std::size_t>(job_.count), 0.0);
    if (job_.vectors) gather_vectors(system.vectors);
  }

  /// The leading columns, from the last on, to this rank's rows.
  void gather_vectors(DistributedMatrix<double> const& all) {
    ReplicatedMatrix leading(points(), count());
    for (Index j = 0; j < all.local_cols(); ++j) {
      Index const k = points() - 1 - all.global_col(j);
      if (k >= count()) continue;
      for (Index i = 0; i < all.local_rows(); ++i) leading(all.global_row(i), k) = all.local(i, j);
    }
    context_.comm.sum(leading.values.data(), points() * count());
    vectors_ = linalg::local_columns(rows_, leading);
  }

  // --- the leading ones

  void iterate() {
    auto const go_on = [this] { return !context_.stop.pending(); };
    auto const kernel = make_training_kernel(context_, rows_, *problem_, kernel_,
                                             std::get<SpectrumPlan>(context_.plan.choice).stored);
    runtime::Region const region(context_.timings, "eigenvectors");
    linalg::LeadingEigenOptions options{
        .count = job_.count, .tolerance = job_.tolerance, .most_products = job_.max_products};
    std::optional<TrainingCheckpoint> checkpoint;
    if (context_.input.checkpoint.enabled)
      checkpoint.emplace(rows_, 1, checkpoint_file(), context_.job_identity(),
                         context_.input.checkpoint.every);
    if (checkpoint && context_.command.resume && checkpoint->exists()) {
      for (auto const& [name, vector] : checkpoint->read().blocks) {
        options.start.insert(options.start.end(), vector.begin(), vector.end());
        ++options.start_columns;
      }
      runtime::log(runtime::Level::info, fmt::format("going on from {} with {} vectors",
                                                     checkpoint->file(), options.start_columns));
    }
    auto const found = linalg::leading_eigen(
        rows_,
        [&](double const* x, Index columns, double* y) {
          return kernel->multiply(x, columns, y, go_on);
        },
        options);
    if (found.end == linalg::LeadingEigen::End::interrupted) {
      if (checkpoint) save(*checkpoint, found);
      context_.stop_if_asked();
    }
    exact_ = found.end == linalg::LeadingEigen::End::converged;
    products_ = found.products;
    spectrum_.values = found.values;
    residuals_ = found.residuals;
    vectors_ = found.vectors;
    if (targets_.cols > 0) project();
    runtime::log(runtime::Level::info,
                 fmt::format("{} products of blocks with the kernel", products_));
  }

  void save(TrainingCheckpoint& checkpoint, linalg::LeadingEigen const& found) const {
    Index const n = rows_.local_size();
    TrainingRecord record;
    for (std::size_t k = 0; k < found.values.size(); ++k) {
      auto const from = found.vectors.begin() + static_cast<std::ptrdiff_t>(k) * n;
      record.blocks[fmt::format("v_{:06}", k)] = {from, from + n};
    }
    if (!record.blocks.empty()) checkpoint.write(record);
  }

  /// What of the targets lies along each vector.
  void project() {
    Index const n = rows_.local_size(), columns = targets_.cols;
    auto const y = linalg::local_columns(rows_, targets_);
    for (std::size_t k = 0; k < spectrum_.values.size(); ++k) {
      std::vector<double> repeated;
      auto const from = vectors_.begin() + static_cast<std::ptrdiff_t>(k) * n;
      for (Index c = 0; c < columns; ++c) repeated.insert(repeated.end(), from, from + n);
      double power = 0;
      for (double const dot : rows_.dots(repeated.data(), y.data(), columns)) power += dot * dot;
      spectrum_.power.push_back(power);
    }
  }

  // --- results

  void write(std::string const& output) {
    runtime::Region const region(context_.timings, "write");
    io::ResultsWriter results(context_.comm, output, context_.existing());
    io::ArrayLayout const layout{{count()}, {"eigenvalue"}};
    results.write("/spectrum/eigenvalues", layout, spectrum_.values.data());
    results.write("/spectrum/residuals", layout, residuals_.data());
    if (job_.vectors) write_vectors(results);
    if (targets_.cols > 0) {
      std::vector<double> alignment;
      for (Index k = 0; k < count(); ++k)
        alignment.push_back(spectrum_.power[static_cast<std::size_t>(k)] / spectrum_.total_power);
      results.write("/spectrum/target_alignment", layout, alignment.data());
      write_learning_curve(results);
    }
    write_attributes(results);
    results.record(context_.record());
    results.commit();
  }

  void write_vectors(io::ResultsWriter& results) const {
    auto const row_major = linalg::transposed(vectors_.data(), rows_.local_size(), count());
    results.write_rows("/spectrum/eigenvectors",
                       {{points(), count()}, {"train_point", "eigenvalue"}}, rows_.mine(),
                       row_major.data());
  }

  double ridge() const { return job_.ridge.shift(spectrum_.trace, points()); }

  void write_learning_curve(io::ResultsWriter& results) const {
    // Beyond a tenth of the points their spectrum is too far from that of their distribution, and
    // beyond the known eigenvalues the others matter one by one.
    auto const known = static_cast<Index>(spectrum_.values.size());
    auto const samples =
        job_.samples.empty() ? sizes_up_to(std::min(points() / 10, known)) : job_.samples;
    if (samples.empty()) return;
    std::vector<double> error;
    for (Index const size : samples)
      error.push_back(regression::predicted_error(spectrum_, static_cast<double>(size), ridge()) /
                      static_cast<double>(targets_.cols));
    io::ArrayLayout const layout{{static_cast<Index>(samples.size())}, {"sample_size"}};
    results.write("/spectrum/samples", layout, samples.data());
    results.write("/spectrum/predicted_mse", layout, error.data());
  }

  void write_attributes(io::ResultsWriter& results) const {
    auto const dimension = regression::effective_dimension(spectrum_, ridge());
    bool const dense = std::get<SpectrumPlan>(context_.plan.choice).dense;
    double const largest = spectrum_.values.front();
    auto const n = static_cast<double>(points());
    results.attribute("/spectrum", "method", dense ? "dense" : "krylov");
    results.attribute("/spectrum", "trace", spectrum_.trace);
    results.attribute("/spectrum", "ridge", ridge());
    results.attribute("/spectrum", "effective_dimension_low", dimension.low);
    results.attribute("/spectrum", "effective_dimension_high", dimension.high);
    results.attribute("/spectrum", "largest_stable_learning_rate",
                      regression::largest_stable_rate(largest + ridge(), 1 / n));
    if (!dense) results.attribute("/spectrum", "products", products_);
    runtime::log(runtime::Level::info,
                 fmt::format("largest eigenvalue {:.6g} ({:.3g} of the trace), effective dimension "
                             "{:.4g}{}",
                             largest, largest / spectrum_.trace, dimension.low,
                             dimension.high > dimension.low * (1 + 1e-9)
                                 ? fmt::format(" to {:.4g}", dimension.high)
                                 : ""));
  }

  RunContext& context_;
  SpectrumOptions const& job_;
  linalg::RowBlocks rows_;
  gram::Kernel kernel_;
  ReplicatedMatrix targets_;
  std::unique_ptr<Problem<Real>> problem_;
  regression::KernelSpectrum spectrum_;
  std::vector<double> residuals_, vectors_;  ///< column-major, this rank's rows
  Index products_ = 0;
  bool exact_ = true;
};

}  // namespace

void run_spectrum(RunContext& context) {
  if (context.input.precision == Precision::double_) {
    SpectrumJob<double>(context).run();
  } else {
    SpectrumJob<float>(context).run();
  }
}

}  // namespace widelimit::cli
