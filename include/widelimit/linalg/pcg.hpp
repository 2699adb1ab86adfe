/// \file
/// Preconditioned conjugate gradients for several right-hand sides at once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "widelimit/linalg/row_blocks.hpp"

namespace widelimit::linalg {

/// How the solution of a column stands.
enum class ColumnStatus : Index {
  active,      ///< goes on
  settled,     ///< its recurrence says the tolerance is reached; the true residual is to confirm it
  converged,   ///< the true residual is within the tolerance
  stagnated,   ///< the residual no longer falls
  indefinite,  ///< the matrix (or the preconditioner) is not positive definite along its direction
};

/// All that the recurrences need to go on. Columns are column-major, this rank's rows.
struct PcgState {
  Index columns = 0;
  Index iteration = 0;
  std::vector<double> x, r, p;   ///< solution, residual (true where `converged`), direction
  std::vector<double> rz;        ///< rᵀM⁻¹r of each column
  std::vector<double> residual;  ///< ‖r‖/‖b‖ of each column, true where it was confirmed
  std::vector<double> best;      ///< the least residual so far, since the last restart
  std::vector<double> best_iteration;  ///< and when it was reached
  std::vector<double> confirmed;       ///< true residual at the last confirmation
  std::vector<double> curvature;       ///< pᵀAp/pᵀp that was not positive, where `indefinite`
  std::vector<ColumnStatus> status;
  std::vector<double> history;  ///< largest ‖r‖/‖b‖ over the columns after each iteration
};

struct PcgOptions {
  double tolerance = 1e-6;  ///< of ‖b - Ax‖/‖b‖ of each column
  Index max_iterations = 1000;
  /// By how much a cycle of iterations is to lower the residual before a true one is computed, where
  /// that is better than to go down to the tolerance at once: with products so rough that further
  /// iterations would follow their errors.
  double cycle_gain = 0;
  Index patience =
      200;  ///< iterations without a better residual before a column counts as stagnant
};

enum class PcgEnd {
  converged,       ///< all columns
  max_iterations,  ///< some columns need more
  stagnated,       ///< some columns will not get there
  indefinite,      ///< some columns met a direction of curvature that is not positive
  interrupted      ///< as asked; the state is that after the last whole iteration
};

/// Solves A·X = B, A and M symmetric positive definite, with the usual recurrences for each column
/// and one product with all columns that are not done yet per iteration. When the recurrences say
/// that all is done, true residuals are computed. Where one is near that of the recurrence it takes
/// its place and the directions go on (residual replacement, van der Vorst & Ye 2000), so that
/// convergence stays superlinear; columns that drifted start anew from theirs (iterative
/// refinement). Until the tolerance holds or this no longer halves the residual.
/// The product that gives true residuals may be a better one than that of the iterations (mixed
/// precision): the solution is then that of the better matrix, as long as the two are close enough
/// for each restart to gain.
class Pcg {
 public:
  /// Y = A·X or Z = M⁻¹·R, for `columns` columns of this rank's rows, column-major. Collective. The
  /// product returns false when it was interrupted, on all ranks alike.
  using Product = std::function<bool(double const* x, Index columns, double* y)>;
  using Precondition = std::function<void(double const* r, Index columns, double* z)>;
  struct Operators {
    Product multiply;          ///< of the iterations
    Product multiply_exactly;  ///< of true residuals; empty: the same
    Precondition precondition;
  };
  /// Called after each iteration with the whole state; true ends the run as `interrupted`, on all
  /// ranks alike.
  using Observer = std::function<bool(PcgState const&)>;

  /// \param b  right-hand sides, column-major, this rank's rows
  Pcg(RowBlocks rows, Operators operators, std::vector<double> b, Index columns,
      PcgOptions options);

  /// X = 0. Collective.
  PcgState start() const;

  /// Goes on from `state`: the same states follow, bit for bit, whether or not a run was interrupted
  /// and resumed in between. Collective. An iteration costs a product and a preconditioning of the
  /// active columns and about 10·n·columns flops; memory: 5 more blocks of columns.
  PcgEnd run(PcgState& state, Observer const& observe) const;

 private:
  std::vector<Index> with_status(PcgState const& state, ColumnStatus status) const;
  std::vector<double> pack(std::vector<double> const& from, std::vector<Index> const& which) const;
  /// Compares true residuals with the tolerance; false: interrupted.
  bool confirm(PcgState& state) const;
  bool iterate(PcgState& state, std::vector<Index> const& active) const;

  RowBlocks rows_;
  Operators operators_;
  std::vector<double> b_;
  Index columns_;
  PcgOptions options_;
  std::vector<double> b_norm_;
};

}  // namespace widelimit::linalg
