/// \file
/// What a low-rank factor leaves of a kernel, inverted by blocks of neighbouring points.
#pragma once

#include "widelimit/regression/clusters.hpp"
#include "widelimit/regression/low_rank_factor.hpp"

namespace widelimit::regression {

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
  /// Rows that are kept together, from column 0 to the diagonal.
  static constexpr Index strip = 64;

  std::vector<Real> strips_of(std::vector<double> const& transposed, Index size) const;
  template <class AddStrip>
  void multiply(double* r, Index columns, AddStrip const& add_strip) const;

  Clusters clusters_;
  std::vector<std::vector<Real>> blocks_;  ///< strips of W, row-major
};

extern template class BlockWhitening<float>;
extern template class BlockWhitening<double>;

}  // namespace widelimit::regression
