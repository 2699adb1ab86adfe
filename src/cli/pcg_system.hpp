/// \file
/// The equations (K + λI)·X = B of the training points, ready for conjugate gradients.
#pragma once

#include <memory>
#include <optional>

#include "widelimit/linalg/pcg.hpp"
#include "widelimit/regression/kernel_columns.hpp"
#include "widelimit/regression/kernel_operator.hpp"
#include "widelimit/regression/preconditioner.hpp"

#include "cli/run_context.hpp"
#include "cli/tile_store.hpp"

namespace widelimit::cli {

/// Which kernel a solution is held to.
enum class Residuals {
  working,  ///< the one of the iterations, or the better one where it is stored beside
  exact     ///< with mixed precision, the one in double, to 2^-32 of an entry where it is stored
};

/// Operator and preconditioner as planned in `context.plan.choice`.
/// \tparam Real  of tiles and of the preconditioner; vectors are double
template <class Real>
class PcgSystem {
 public:
  /// \param exact  the same in double, for true residuals of single-precision tiles; may be null
  /// All must outlive the system.
  PcgSystem(RunContext& context, Problem<Real> const& problem, Problem<double> const* exact);
  PcgSystem(PcgSystem const&) = delete;
  PcgSystem& operator=(PcgSystem const&) = delete;

  linalg::RowBlocks const& rows() const { return rows_; }
  gram::Kernel kernel() const { return kernel_; }
  double ridge() const { return ridge_; }  ///< λ, absolute
  /// Largest relative error of rounding in the entries of the kernel that solutions are held to.
  double entry_rounding() const;
  double mean_diagonal() const { return mean_diagonal_; }  ///< of K
  Index preconditioner_rank() const { return preconditioner_ ? preconditioner_->rank() : 0; }
  Index preconditioner_block() const { return plan_.preconditioner_block; }

  /// Opens the tile file of a kernel that is stored or filed; none where there is none to open. Collective.
  std::optional<io::TileFile> open_tiles(std::string const& name);
  /// Makes a kernel that is stored or filed, from `tiles` what they have. Collective. `tiles` must
  /// outlive the system. Throws Stopped.
  void make_operator(io::TileFile* tiles);
  /// Collective.
  void make_preconditioner();

  /// K·X with the best kernel there is; false: the run was asked to stop. Collective, as all below.
  bool multiply_kernel(double const* x, Index columns, double* y) const;
  /// Conjugate gradients for right-hand sides, column-major, this rank's rows. The system must
  /// outlive the result.
  linalg::Pcg solver(std::vector<double> b, Index columns, linalg::PcgOptions const& options,
                     Residuals residuals) const;

 private:
  /// The one in double where there is one.
  regression::KernelOperator const& best_kernel() const {
    return exact_ ? static_cast<regression::KernelOperator const&>(*exact_) : *operator_;
  }
  bool multiply(regression::KernelOperator const& kernel, double const* x, Index columns, double* y,
                gram::PartSums sums) const;
  std::unique_ptr<regression::KernelOperator> store_with_remainders();
  void fill(io::TileFile* tiles, std::vector<gram::TileSink<Real>*> sinks, bool revisit_stored);
  gram::Output output() const { return gram::only(kernel_); }
  void precondition(double const* r, Index columns, double* z) const;

  RunContext& context_;
  Problem<Real> const& problem_;
  Problem<double> const* exact_problem_;
  RegressionOptions const& job_;
  RegressionPlan const& plan_;
  gram::Kernel kernel_;
  linalg::RowBlocks rows_;
  regression::EvaluatedColumns<Real> columns_;
  double mean_diagonal_ = 0, ridge_ = 0;
  StoredMatrices stored_;
  std::optional<StoreSource<Real>> source_;
  std::unique_ptr<regression::KernelOperator> operator_;
  std::optional<regression::RecomputedKernel<double>> exact_;  // unless the operator is as good
  std::optional<regression::LowRankPreconditioner<Real>> preconditioner_;
};

extern template class PcgSystem<float>;
extern template class PcgSystem<double>;

}  // namespace widelimit::cli
