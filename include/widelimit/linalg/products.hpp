/// \file
/// Products with distributed matrices.
#pragma once

#include <vector>

#include "widelimit/linalg/cholesky.hpp"
#include "widelimit/linalg/distributed_matrix.hpp"

namespace widelimit::linalg {

/// C ← α·op(A)·op(B) + β·C. Collective, 2·rows·cols·inner flops.
template <class Real>
void gemm(Op op_a, Op op_b, Real alpha, DistributedMatrix<Real> const& a,
          DistributedMatrix<Real> const& b, Real beta, DistributedMatrix<Real>& c);

/// C ← α·A·B + β·C, A symmetric of which the lower triangle is read.
/// \param a  N x N  \param b, c  N x M. Collective, 2·N²·M flops.
template <class Real>
void symm(Real alpha, DistributedMatrix<Real> const& a, DistributedMatrix<Real> const& b, Real beta,
          DistributedMatrix<Real>& c);

/// The lower triangle of C ← α·AᵀA + β·C. \param a  N x M  \param c  M x M.
/// Collective, N·M² flops.
template <class Real>
void syrk_transposed(Real alpha, DistributedMatrix<Real> const& a, Real beta,
                     DistributedMatrix<Real>& c);

/// The lower triangle of C ← α·(AᵀB + BᵀA) + β·C. \param a, b  N x M  \param c  M x M.
/// Collective, 2·N·M² flops.
template <class Real>
void syr2k_transposed(Real alpha, DistributedMatrix<Real> const& a,
                      DistributedMatrix<Real> const& b, Real beta, DistributedMatrix<Real>& c);

/// A·X for the symmetric A whose part above the diagonal is in `a` and whose diagonal is
/// `diagonal`, so that the lower triangle may hold a factor of it. Accumulated in double for either
/// type of entry. \param x  N x C. Collective, 2·N²·C flops, replicated memory 2·N·C.
template <class Real>
ReplicatedMatrix multiply_symmetric(DistributedMatrix<Real> const& a,
                                    std::vector<double> const& diagonal, ReplicatedMatrix const& x);

/// AᵀX, accumulated in double. \param a  N x M  \param x  N x C  \return M x C.
/// Collective, 2·N·M·C flops.
template <class Real>
ReplicatedMatrix multiply_transposed(DistributedMatrix<Real> const& a, ReplicatedMatrix const& x);

}  // namespace widelimit::linalg
