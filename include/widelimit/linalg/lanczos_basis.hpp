/// \file
/// Krylov spaces of a symmetric operator from several vectors at once, for functions of it.
#pragma once

#include <functional>
#include <vector>

#include "widelimit/linalg/row_blocks.hpp"

namespace widelimit::linalg {

/// Eigenvalues and eigenvectors of a small tridiagonal matrix.
struct TridiagonalEigen {
  std::vector<double> values;   ///< m, ascending
  std::vector<double> vectors;  ///< m x m, column-major
  double first(Index k) const { return vectors[static_cast<std::size_t>(k * size())]; }
  double last(Index k) const { return vectors[static_cast<std::size_t>((k + 1) * size() - 1)]; }
  Index size() const { return static_cast<Index>(values.size()); }

  /// The entry `row` of f(T)·e₁, for f at each eigenvalue.
  double entry(Index row, std::vector<double> const& f) const;
};

/// Orthonormal v_1 … v_m of each column with A·V = V·T + β·v_{m+1}·e_mᵀ, kept whole and orthogonal
/// by two passes of Gram-Schmidt. Columns are column-major, this rank's rows.
class LanczosBasis {
 public:
  /// Y = A·X, collective; false: interrupted, on all ranks alike.
  using Product = std::function<bool(double const* x, Index columns, double* y)>;

  /// \param start  local_size() x columns. Collective.
  LanczosBasis(RowBlocks rows, double const* start, Index columns);

  /// One more vector of each column. Collective, a product with all columns and 8·m·n·columns flops.
  /// False: interrupted, and the basis is as before.
  bool extend(Product const& product);

  /// Number of products so far.
  Index size() const { return static_cast<Index>(vectors_.size()) - 1; }
  double norm(Index column) const { return norm_[static_cast<std::size_t>(column)]; }  ///< of start
  /// T of a column, which is smaller than size() where its space is exhausted.
  TridiagonalEigen ritz(Index column) const;
  /// β of a column, 0 where its space is exhausted.
  double coupling(Index column) const;
  /// to += V·w for one column of this rank's rows. Local.
  void add_combination(Index column, std::vector<double> const& w, double* to) const;

 private:
  void orthogonalize(std::vector<double>& next, std::vector<double>& diagonal) const;

  RowBlocks rows_;
  Index columns_;
  std::vector<double> norm_;
  std::vector<std::vector<double>> vectors_;       ///< v_1 … v_{m+1}, all columns
  std::vector<std::vector<double>> alpha_, beta_;  ///< of each column
  std::vector<double> scale_;                      ///< the largest entry of T of each column
};

}  // namespace widelimit::linalg
