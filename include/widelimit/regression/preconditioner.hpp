/// \file
/// Low-rank preconditioners of kernel matrices.
#pragma once

#include <optional>

#include "widelimit/linalg/local_cholesky.hpp"
#include "widelimit/linalg/row_blocks.hpp"
#include "widelimit/regression/block_whitening.hpp"

namespace widelimit::regression {

/// Blocks of what a factor misses.
template <class Real>
struct BlocksOf {
  KernelColumns<Real> const& kernel;
  Index size;  ///< points of a block, at most
};

/// (F·Fᵀ + D)⁻¹ by the identity of Woodbury. D = σI, σ = the ridge and the mean eigenvalue of what F
/// misses; or, with blocks, the diagonal blocks of K - F·Fᵀ + σI, W of which turns the problem into
/// Wᵀ·(G·Gᵀ + I)⁻¹·W with G = W·F. Arithmetic in double, entries of F and W in `Real`.
template <class Real>
class LowRankPreconditioner {
 public:
  /// \param ridge  λ, absolute. Collective, N·rank² flops, memory rank² numbers, and what
  /// BlockWhitening takes.
  LowRankPreconditioner(linalg::RowBlocks rows, LowRankFactor<Real> factor, double ridge,
                        double mean_diagonal, std::optional<BlocksOf<Real>> blocks = {});

  Index rank() const { return factor_.rank; }
  double shift() const { return shift_; }
  /// Z = (F·Fᵀ + D)⁻¹·R for this rank's rows, column-major. Collective, 4·N·rank·columns flops, with
  /// blocks 2·N·size·columns more.
  void apply(double const* r, Index columns, double* z) const;

 private:
  linalg::RowBlocks rows_;
  LowRankFactor<Real> factor_;
  double shift_;
  std::optional<BlockWhitening<Real>> whitening_;  ///< `factor_` is G then
  linalg::LocalCholesky inner_;                    ///< of FᵀF + σI, or GᵀG + I

  double inner_shift() const { return whitening_ ? 1 : shift_; }
  void apply_low_rank(double const* r, Index columns, double* z) const;
};

extern template class LowRankPreconditioner<float>;
extern template class LowRankPreconditioner<double>;

}  // namespace widelimit::regression
