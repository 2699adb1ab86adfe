/// \file
/// Kernel regression by a Cholesky factor of the train x train kernel.
#pragma once

#include <string>
#include <vector>

#include "widelimit/linalg/symmetric_factor.hpp"
#include "widelimit/regression/ridge.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::regression {

/// α = (K + λI)⁻¹Y, what it predicts for the training points, and how exactly it solves.
struct Solution {
  linalg::ReplicatedMatrix alpha;              ///< N x C
  linalg::ReplicatedMatrix train_predictions;  ///< K·α, N x C, without the ridge
  double residual = 0;                         ///< ‖(K + λI)α - Y‖ / ‖Y‖ (Frobenius)
  bool refined = false;                        ///< whether a step of refinement made it smaller
};

/// K + λI, factorised. Names neither files nor networks: the caller fills the kernel.
/// Instantiated for float and double.
template <class Real>
class CholeskyRegression {
 public:
  /// \param kernel  K of the N training points with themselves, its lower triangle filled
  /// \param name    what messages call it, e.g. "NTK"
  /// \param where   where the user set the ridge (file, line); its key is job.ridge by default
  /// Collective, N³/3 flops. Throws InputError where K + λI is not positive definite, with a ridge
  /// that was tried and will do (at most about as long again), or K has entries that are no
  /// numbers.
  CholeskyRegression(linalg::DistributedMatrix<Real> kernel, Ridge ridge, std::string const& name,
                     Location where = {});

  Index size() const { return factor_.size(); }
  /// λ in the units of the kernel.
  double shift() const { return factor_.shift(); }
  linalg::SymmetricFactor<Real> const& factor() const { return factor_; }

  /// \param targets  Y, N x C. With one step of iterative refinement, residuals in double, kept
  /// where it lowers the residual. Collective, about 10·N²·C flops.
  Solution solve(linalg::ReplicatedMatrix const& targets) const;

 private:
  linalg::SymmetricFactor<Real> factor_;
};

extern template class CholeskyRegression<float>;
extern template class CholeskyRegression<double>;

/// K_td·α, N_test x C, from K_dt, N x N_test. Collective, 2·N·N_test·C flops.
template <class Real>
linalg::ReplicatedMatrix predict(linalg::DistributedMatrix<Real> const& kernel_dt,
                                 linalg::ReplicatedMatrix const& alpha);

}  // namespace widelimit::regression
