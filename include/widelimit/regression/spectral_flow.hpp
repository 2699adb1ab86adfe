/// \file
/// Gradient flow on the mean squared error at any times, by the eigenvectors of the kernel.
#pragma once

#include <optional>
#include <vector>

#include "widelimit/linalg/eigen.hpp"
#include "widelimit/regression/gradient_flow.hpp"

namespace widelimit::regression {

using linalg::DistributedMatrix;
using linalg::ReplicatedMatrix;

/// f(t) = f₀ + K·a(t) for all times from one decomposition of K = V·diag(κ)·Vᵀ.
class SpectralFlow {
 public:
  /// \param kernel  N x N, its lower triangle filled
  /// \param ridge   λ, absolute
  /// Collective, see linalg::symmetric_eigen. Throws InputError: entries that are no numbers.
  SpectralFlow(DistributedMatrix<double> kernel, double ridge, GradientFlow law);

  Index size() const { return static_cast<Index>(system_.values.size()); }
  double ridge() const { return ridge_; }
  GradientFlow const& law() const { return law_; }
  linalg::Eigensystem const& system() const { return system_; }
  double largest_eigenvalue() const { return system_.values.back(); }
  /// Directions in which K + λI is zero to rounding: nothing is learnt in them, even at t = ∞.
  Index null_directions() const;

  /// c and h of each eigenvalue at a time; for null directions at t = ∞, 0 and 1.
  std::vector<double> coefficients(double time) const;
  std::vector<double> remaining(double time) const;

  /// V·diag(weights)·Vᵀ·x for N x C matrices. Collective, 4·N²·C flops.
  ReplicatedMatrix apply(std::vector<double> const& weights, ReplicatedMatrix const& x) const;

  /// a(t) for the residual y - f₀ of the training points, N x C. Collective.
  ReplicatedMatrix coefficients(ReplicatedMatrix const& residual, double time) const {
    return apply(coefficients(time), residual);
  }
  /// K·a(t). Collective.
  ReplicatedMatrix displacement(ReplicatedMatrix const& residual, double time) const;

 private:
  bool is_null(double kappa) const;

  double ridge_;
  GradientFlow law_;
  linalg::Eigensystem system_;
};

/// Mean and covariance over initialisations: f₀ is drawn from the Gaussian process with the NNGP Q
/// as its covariance, independently for each output, and trained by a SpectralFlow (Lee et al.
/// 2019). d: training points, t: test points; e = h(t), c as there.
class EnsembleFlow {
 public:
  enum class Trained {
    all,  ///< K is the NTK: covariance Q_tt + A·Q_dd·Aᵀ - A·Q_dt - (A·Q_dt)ᵀ, A = K_td·V·c·Vᵀ
    readout  ///< K is the NNGP, as only the last layer learns: Q_tt - K_td·V·((1-e²)/κ̂)·Vᵀ·K_dt; a
             ///< ridge is then noise of that variance on the targets and the initial outputs, so
             ///< that t = ∞ is Bayesian inference
  };

  /// \param flow     must outlive this
  /// \param nngp_dd  its lower triangle filled; none for `readout`
  /// Collective, 4·N³ flops.
  EnsembleFlow(SpectralFlow const& flow, Trained trained,
               std::optional<DistributedMatrix<double>> nngp_dd);

  /// Prepares covariances of test points. \param kernel_dt, nngp_dt  N x N_test (`nngp_dt` none for
  /// `readout`) \param nngp_tt  N_test x N_test, its lower triangle filled.
  /// Collective, 2·N²·N_test flops for each.
  void set_test(DistributedMatrix<double> const& kernel_dt,
                std::optional<DistributedMatrix<double>> const& nngp_dt,
                DistributedMatrix<double> nngp_tt);

  /// Covariance of test outputs, N_test x N_test, its lower triangle filled. Collective.
  DistributedMatrix<double> test_covariance(double time) const;

  /// Covariance of the outputs at the training points, N x N, its lower triangle filled.
  DistributedMatrix<double> train_covariance(double time) const;
  /// The same of f + λa, which is what neural-tangents returns: it differs where there is a ridge.
  DistributedMatrix<double> train_covariance_with_ridge(double time) const;

 private:
  DistributedMatrix<double> congruence(std::vector<double> const& weights) const;

  SpectralFlow const& flow_;
  Trained trained_;
  DistributedMatrix<double> transposed_;                  ///< Vᵀ
  std::optional<DistributedMatrix<double>> nngp_;         ///< Vᵀ·Q_dd·V
  std::optional<DistributedMatrix<double>> kernel_test_;  ///< Vᵀ·K_dt
  std::optional<DistributedMatrix<double>> nngp_test_;    ///< Vᵀ·Q_dt
  std::optional<DistributedMatrix<double>> prior_;        ///< Q_tt
};

}  // namespace widelimit::regression
