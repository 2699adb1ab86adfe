/// \file
/// Low-rank approximations of kernel matrices.
#pragma once

#include <vector>

#include "widelimit/linalg/row_blocks.hpp"
#include "widelimit/regression/kernel_columns.hpp"

namespace widelimit::regression {

/// F with K ≈ F·Fᵀ, its rows spread over the ranks.
template <class Real>
struct LowRankFactor {
  Index rank = 0;          ///< columns; may be fewer than asked for, where K is numerically of less
  std::vector<Real> rows;  ///< of this rank, row-major, local_size x rank
  double missing_trace = 0;  ///< trace(K - F·Fᵀ)
};

/// Nyström: F = K_nm·R⁻ᵀ with R·Rᵀ = K_mm for m landmarks drawn uniformly without replacement (the
/// same for a seed, whatever the number of ranks). Collective, N·m entries and N·m² flops; memory:
/// the rank's rows of F, and 2·m² numbers.
template <class Real>
LowRankFactor<Real> nystrom(linalg::RowBlocks const& rows, KernelColumns<Real> const& kernel,
                            Index rank, unsigned seed = 1);

/// Columns that pivoted_cholesky takes at a time.
inline constexpr Index pivoted_block = 64;

/// Cholesky factorisation with diagonal pivoting, stopped after `rank` columns: the next landmark is
/// the point that the ones before explain least. Landmarks are taken a block at a time, exactly
/// greedy within the block, which is closed when its next pivot is far below what the block began
/// with; so columns are made and subtracted by matrix products. Collective, N·rank entries and
/// 2·N·rank² flops; memory: the rank's rows of F and of a block.
template <class Real>
LowRankFactor<Real> pivoted_cholesky(linalg::RowBlocks const& rows,
                                     KernelColumns<Real> const& kernel, Index rank);

extern template LowRankFactor<float> nystrom(linalg::RowBlocks const&, KernelColumns<float> const&,
                                             Index, unsigned);
extern template LowRankFactor<double> nystrom(linalg::RowBlocks const&,
                                              KernelColumns<double> const&, Index, unsigned);
extern template LowRankFactor<float> pivoted_cholesky(linalg::RowBlocks const&,
                                                      KernelColumns<float> const&, Index);
extern template LowRankFactor<double> pivoted_cholesky(linalg::RowBlocks const&,
                                                       KernelColumns<double> const&, Index);

}  // namespace widelimit::regression
