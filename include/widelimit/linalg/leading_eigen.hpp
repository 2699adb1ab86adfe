/// \file
/// Some of the largest eigenvalues of a symmetric operator, with their eigenvectors.
#pragma once

#include <functional>
#include <vector>

#include "widelimit/linalg/row_blocks.hpp"

namespace widelimit::linalg {

struct LeadingEigenOptions {
  Index count = 20;
  double tolerance = 1e-8;    ///< of ‖A·v - θ·v‖/θ₁ of each pair
  Index block = 8;            ///< vectors that are multiplied at once
  Index most_vectors = 0;     ///< of the basis; 0: 2·count + 6·block
  Index most_products = 500;  ///< of blocks
  /// Vectors to begin with, such as those of an interrupted run; none: random ones.
  std::vector<double> start = {};
  Index start_columns = 0;
};

/// Blocks are column-major, this rank's rows.
struct LeadingEigen {
  std::vector<double> values;     ///< descending
  std::vector<double> residuals;  ///< ‖A·v - θ·v‖/θ₁
  std::vector<double> vectors;    ///< local_size x values.size(), orthonormal
  Index products = 0;             ///< of blocks
  enum class End { converged, most_products, interrupted } end = End::converged;
};

/// Block Krylov space with thick restarts: the basis grows by the residuals of the pairs that are
/// not exact yet (which span what a block Lanczos step adds), is orthogonalised twice, and shrinks
/// to its best vectors when it is full. Eigenvalues of any multiplicity are found.
/// \param product  Y = A·X, collective; false: interrupted, on all ranks alike
/// Collective. A step costs a product with `block` columns and about 6·n·basis·block flops.
LeadingEigen leading_eigen(
    RowBlocks const& rows,
    std::function<bool(double const* x, Index columns, double* y)> const& product,
    LeadingEigenOptions options);

}  // namespace widelimit::linalg
