/// \file
/// All eigenvalues and eigenvectors of a symmetric distributed matrix.
#pragma once

#include <vector>

#include "widelimit/linalg/distributed_matrix.hpp"

namespace widelimit::linalg {

/// A = V·diag(values)·Vᵀ.
struct Eigensystem {
  std::vector<double> values;         ///< ascending, the same on all ranks
  DistributedMatrix<double> vectors;  ///< N x N, a column each, orthonormal
};

/// Divide and conquer: LAPACK on one rank, ScaLAPACK on more.
/// \param a  N x N, its lower triangle filled; consumed
/// Collective, 4/3·N³ flops and up to 8/3·N³ for the vectors; memory: three to four matrices of
/// A's size, spread. Throws InputError on all ranks where A has entries that are no numbers or is
/// too large for the 32-bit integers of LAPACK on one rank.
Eigensystem symmetric_eigen(DistributedMatrix<double> a);

}  // namespace widelimit::linalg
