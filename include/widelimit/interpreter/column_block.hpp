/// \file
/// Many columns that grow in number, and the products with them that all hot loops consist of.
#pragma once

#include <vector>

#include "widelimit/interpreter/particles.hpp"

namespace widelimit::interpreter {

/// A small matrix that every rank holds whole: column-major, in double whatever the vectors are.
class Small {
 public:
  Small() = default;
  Small(Index n_rows, Index n_cols)
      : rows_(n_rows), cols_(n_cols), values_(static_cast<std::size_t>(n_rows * n_cols)) {}
  Index rows() const { return rows_; }
  Index cols() const { return cols_; }
  double& operator()(Index i, Index j) { return values_[static_cast<std::size_t>(i + j * rows_)]; }
  double operator()(Index i, Index j) const {
    return values_[static_cast<std::size_t>(i + j * rows_)];
  }
  double* data() { return values_.data(); }
  double const* data() const { return values_.data(); }
  std::vector<double>& values() { return values_; }
  std::vector<double> const& values() const { return values_; }
  /// The same entries in a matrix at least as large, zero elsewhere.
  void grow(Index n_rows, Index n_cols);

 private:
  Index rows_ = 0, cols_ = 0;
  std::vector<double> values_;
};

Small identity(Index n);

/// α·op(A)·op(B). Local.
Small product(Small const& a, bool transpose_a, Small const& b, bool transpose_b, double alpha = 1);

/// Columns of all particles, kept in panels so that growth copies nothing.
template <class Real>
class ColumnBlock {
 public:
  static constexpr Index panel_columns = 128;

  explicit ColumnBlock(Particles particles) : particles_(std::move(particles)) {}

  Particles const& particles() const { return particles_; }
  Index columns() const { return columns_; }
  void clear() {
    panels_.clear();
    columns_ = 0;
  }
  /// Appends copies of columns of this rank's rows. Local.
  void append(Columns<Real> const& columns);
  /// Columns [begin, end) of one panel, in place; `range` must not cross a panel. Local.
  Columns<Real> panel_part(Range range) const;
  /// Number of panels, and the columns of each. Local.
  Index panels() const { return static_cast<Index>(panels_.size()); }
  Range panel_range(Index panel) const {
    return {panel * panel_columns, std::min(columns_, (panel + 1) * panel_columns)};
  }
  Real const* panel_data(Index panel) const {
    return panels_[static_cast<std::size_t>(panel)].data();
  }
  Index ld() const { return particles_.local_count(); }

  /// BᵀX/M, columns() x |X|. Collective, 2·M·columns·|X| flops.
  Small inner(Columns<Real> const& x) const;
  /// Also the mean squares of the columns of X, in the same sweep and the same reduction.
  struct Inner {
    Small products;
    std::vector<double> squares;
  };
  Inner inner_and_squares(Columns<Real> const& x) const;
  /// Y ← Y + α·B·S, S with at most as many rows as this has columns (the rest counts as zero).
  /// Local, 2·M·columns·|Y| flops.
  void add_product(double alpha, Small const& s, Columns<Real> const& y) const;
  /// X ← X - B·S, then inner_and_squares(X): all in one sweep over memory. Collective.
  Inner subtract_then_inner(Small const& s, Columns<Real> const& x) const;

 private:
  Particles particles_;
  Index columns_ = 0;
  std::vector<Columns<Real>> panels_;
};

/// XᵀY/M. Collective.
template <class Real>
Small inner(Particles const& particles, Columns<Real> const& x, Columns<Real> const& y);
/// Y ← β·Y + α·X·S. Local.
template <class Real>
void add_product(Particles const& particles, double alpha, Columns<Real> const& x, Small const& s,
                 double beta, Columns<Real> const& y);
/// Mean over the particles of each column's entries (power 1) or of their squares (power 2).
/// Collective.
template <class Real>
std::vector<double> means(Particles const& particles, Columns<Real> const& x, int power);
/// Columns of X by number. Local.
template <class Real>
Columns<Real> select(Particles const& particles, Columns<Real> const& x,
                     std::vector<Index> const& which);

extern template class ColumnBlock<float>;
extern template class ColumnBlock<double>;

}  // namespace widelimit::interpreter
