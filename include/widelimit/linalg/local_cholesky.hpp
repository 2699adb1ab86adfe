/// \file
/// Cholesky factor of a small matrix that every rank holds whole.
#pragma once

#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::linalg {

/// L·Lᵀ = A + shift·I. Local; equal matrices on all ranks give equal factors.
class LocalCholesky {
 public:
  LocalCholesky() = default;
  /// \param a  n x n, its lower triangle (column-major) filled. n³/3 flops.
  /// The least shift of `shift`, and then `step`, 10·step, 100·step, … for which A is positive
  /// definite is taken.
  LocalCholesky(std::vector<double> const& a, Index n, double shift, double step);

  Index size() const { return n_; }
  double shift() const { return shift_; }
  /// B ← A⁻¹·B, column-major n x columns.
  void solve(double* b, Index columns) const;
  /// B ← B·L⁻ᵀ, row-major rows x n.
  void divide_right(double* b, Index rows) const;

 private:
  Index n_ = 0;
  double shift_ = 0;
  std::vector<double> factor_;
};

}  // namespace widelimit::linalg
