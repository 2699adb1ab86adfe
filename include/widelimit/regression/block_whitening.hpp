/// \file
/// What a low-rank factor leaves of a kernel, inverted by blocks of neighbouring points.
#pragma once

#include "widelimit/regression/clusters.hpp"
#include "widelimit/regression/kernel_columns.hpp"

namespace widelimit::regression {

/// F with K ≈ F·Fᵀ, its rows spread over the ranks.
template <class Real>
struct LowRankFactor {
  Index rank = 0;          ///< columns; may be fewer than asked for, where K is numerically of less
  std::vector<Real> rows;  ///< of this rank, row-major, local_size x rank
  double missing_trace = 0;  ///< trace(K - F·Fᵀ)
};

/// W, block diagonal, with (WᵀW)⁻¹ = the diagonal blocks of K - F·Fᵀ + σI for clusters of this
/// rank's points (cluster_rows of F). Any W, however rounded, makes Wᵀ·M·W positive definite where
/// M is.
template <class Real>
class BlockWhitening {
 public:
  /// Rows of `factor` become those of W·F. Local. 3·n·size·(rank + size) flops, n·size/2 numbers.
  /// \param mine  this rank's points
  /// \param size  points of a block, at most
  BlockWhitening(KernelColumns<Real> const& kernel, Range mine, LowRankFactor<Real>& factor,
                 double shift, Index size);

  /// R ← W·R for this rank's rows, column-major. Local, n·size·columns flops.
  void apply(double* r, Index columns) const;
  /// R ← Wᵀ·R.
  void apply_transposed(double* r, Index columns) const;

  /// Numbers that blocks of n points keep.
  static double numbers(double n, double size) { return n * (size + strip) / 2; }

 private:
  static constexpr Index strip =
      64;  ///< rows that are kept together, from column 0 to the diagonal

  template <class AddStrip>
  void multiply(double* r, Index columns, AddStrip const& add_strip) const;

  Clusters clusters_;
  std::vector<std::vector<Real>> blocks_;  ///< strips of W, row-major
};

extern template class BlockWhitening<float>;
extern template class BlockWhitening<double>;

}  // namespace widelimit::regression
