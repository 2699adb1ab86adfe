/// \file
/// Bases whose columns are orthogonal with mean square one, and how columns are told in them.
#pragma once

#include "widelimit/interpreter/column_block.hpp"

namespace widelimit::interpreter {

/// Makes XᵀX = M·I by a Cholesky factor of XᵀX, twice; column j stays in the span of the first j.
/// Collective, 4·M·|X|² flops. Throws Error where X has not full rank to working precision.
template <class Real>
void orthonormalize(Particles const& particles, Columns<Real> const& x);

/// A block B of columns with BᵀB = M·I that grows by what columns bring that are told in it.
template <class Real>
class Basis {
 public:
  explicit Basis(Particles particles) : block_(std::move(particles)) {}

  ColumnBlock<Real>& block() { return block_; }
  ColumnBlock<Real> const& block() const { return block_; }
  Index rank() const { return block_.columns(); }

  /// Coefficients S of X = B·S to within `tolerance` times the norm of each column, directions that
  /// are missing being appended to B: pivoted Gram–Schmidt in blocks, each direction orthogonalised
  /// twice. \param x  destroyed. Collective, 6·M·rank·|X| flops and 6·M·rank for each new direction.
  Small expand(Columns<Real> const& x, double tolerance);

 private:
  ColumnBlock<Real> block_;
};

extern template class Basis<float>;
extern template class Basis<double>;

}  // namespace widelimit::interpreter
