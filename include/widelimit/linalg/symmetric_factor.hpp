/// \file
/// A symmetric matrix and the Cholesky factor of a shifted copy in the memory of one matrix.
#pragma once

#include <vector>

#include "widelimit/linalg/cholesky.hpp"
#include "widelimit/linalg/distributed_matrix.hpp"
#include "widelimit/linalg/replicated_matrix.hpp"

namespace widelimit::linalg {

/// A above the diagonal, the factor L of A + shift·I on and below it, the diagonal of A aside. So A
/// can still be multiplied, for residuals, and factorised again with another shift.
template <class Real>
class SymmetricFactor {
 public:
  /// \param lower  A, its lower triangle filled. Collective, moves N²/2 entries.
  explicit SymmetricFactor(DistributedMatrix<Real> lower);

  Index size() const { return storage_.rows(); }
  std::vector<double> const& diagonal() const { return diagonal_; }
  double trace() const;
  double largest_diagonal() const;
  runtime::Communicator const& comm() const { return storage_.grid().comm(); }

  /// L·Lᵀ = A + shift·I; may be called again. A pivot that is lost in rounding (below 8ε of its
  /// diagonal entry) counts as failed. Collective, N³/3 flops.
  [[nodiscard]] CholeskyResult factorize(double shift);
  double shift() const { return shift_; }
  /// L in the lower triangle, of the last factorisation that was ok.
  DistributedMatrix<Real> const& factor() const { return storage_; }

  /// A·x, without the shift, accumulated in double. \param x  N x C. Collective.
  ReplicatedMatrix multiply(ReplicatedMatrix const& x) const;
  /// (A + shift·I)⁻¹·b in the precision of the factor. \param b  N x C. Collective.
  ReplicatedMatrix solve(ReplicatedMatrix const& b) const;
  /// For each n of `sizes` the solution of the equations of the first n rows and columns alone, zero
  /// beyond: one forward substitution serves all, as leading blocks of L are the factors of leading
  /// blocks of A + shift·I. \param b  N x C  \return  N x sizes·C. Collective, N²·C flops and as
  /// many a size.
  ReplicatedMatrix solve_leading(ReplicatedMatrix const& b, std::vector<Index> const& sizes) const;
  /// Whether all entries of A are numbers. Collective.
  bool finite() const;

 private:
  DistributedMatrix<Real> storage_;
  std::vector<double> diagonal_;
  double shift_ = 0;
  bool lower_is_intact_ = true;
};

extern template class SymmetricFactor<float>;
extern template class SymmetricFactor<double>;

}  // namespace widelimit::linalg
