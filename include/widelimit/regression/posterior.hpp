/// \file
/// Variances and covariances of predictions on test points.
///
/// d: the N training points, t: the N_test test points; K̂ = K_dd + λI. Two laws:
/// *Gaussian process* with prior covariance K (Bayesian inference with the NNGP, or with the NTK in
/// its place): K_tt - K_td·K̂⁻¹·K_dt.
/// *Ensemble* of networks trained to convergence in the kernel regime (Lee et al. 2019), K the NTK
/// and Q the NNGP: Q_tt + A·Q_dd·Aᵀ - A·Q_dt - (A·Q_dt)ᵀ, A = K_td·K̂⁻¹.
/// All are per output, the same for each, and need no targets. Test points do not mix in a
/// variance, so a caller short of memory takes them in parts.
#pragma once

#include <vector>

#include "widelimit/linalg/distributed_matrix.hpp"

namespace widelimit::regression {

using linalg::DistributedMatrix;

/// \param factor        L with L·Lᵀ = K̂ in its lower triangle, N x N
/// \param kernel_dt     K_dt, N x N_test; consumed
/// \param tt_diagonal   diagonal of K_tt, N_test
/// \return              variances, N_test, the same on all ranks
/// Collective, N²·N_test flops. No N_test x N_test matrix is made.
template <class Real>
std::vector<double> gp_variance(DistributedMatrix<Real> const& factor,
                                DistributedMatrix<Real> kernel_dt,
                                std::vector<double> const& tt_diagonal);

/// As gp_variance, replacing K_tt (its lower triangle filled) by the whole covariance.
/// Collective, N²·N_test + N·N_test² flops.
template <class Real>
void gp_covariance(DistributedMatrix<Real> const& factor, DistributedMatrix<Real> kernel_dt,
                   DistributedMatrix<Real>& tt);

/// \param factor        of K̂, the NTK with its ridge
/// \param kernel_dt     NTK, N x N_test; consumed
/// \param nngp_dd       Q_dd, its lower triangle filled
/// \param nngp_dt       Q_dt, N x N_test; consumed
/// \param tt_diagonal   diagonal of Q_tt
/// \return              variances, N_test, the same on all ranks
/// Collective, 4·N²·N_test flops. No N_test x N_test matrix is made.
template <class Real>
std::vector<double> ensemble_variance(DistributedMatrix<Real> const& factor,
                                      DistributedMatrix<Real> kernel_dt,
                                      DistributedMatrix<Real> const& nngp_dd,
                                      DistributedMatrix<Real> nngp_dt,
                                      std::vector<double> const& tt_diagonal);

/// As ensemble_variance, replacing Q_tt (its lower triangle filled) by the whole covariance.
/// Collective, 4·N²·N_test + 2·N·N_test² flops.
template <class Real>
void ensemble_covariance(DistributedMatrix<Real> const& factor, DistributedMatrix<Real> kernel_dt,
                         DistributedMatrix<Real> const& nngp_dd, DistributedMatrix<Real> nngp_dt,
                         DistributedMatrix<Real>& tt);

}  // namespace widelimit::regression
