/// \file
/// Cholesky factorisation of a distributed matrix, and solves with the factor.
#pragma once

#include <optional>

#include "widelimit/linalg/distributed_matrix.hpp"

namespace widelimit::linalg {

/// How a factorisation ended, the same on all ranks.
struct CholeskyResult {
  /// Row of the first pivot that is not positive (or not a number); none: the factor is complete.
  std::optional<Index> failed_pivot;
  bool ok() const { return !failed_pivot; }
};

/// A = L·Lᵀ in place: L replaces the lower triangle; the part above the diagonal is neither read
/// nor written. LAPACK on one rank, ScaLAPACK on more. Collective, N³/3 flops.
template <class Real>
[[nodiscard]] CholeskyResult potrf(DistributedMatrix<Real>& a);

/// B ← (L·Lᵀ)⁻¹·B. \param factor  N x N, L in the lower triangle  \param b  N x any
/// Collective, 2·N²·columns flops.
template <class Real>
void potrs(DistributedMatrix<Real> const& factor, DistributedMatrix<Real>& b);

enum class Op { plain, transposed };

/// B ← L⁻¹·B, or L⁻ᵀ·B. Shapes and cost per side as `potrs`. Collective.
template <class Real>
void trsm(Op op, DistributedMatrix<Real> const& factor, DistributedMatrix<Real>& b);

}  // namespace widelimit::linalg
