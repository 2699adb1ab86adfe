/// \file
/// A small matrix that every rank holds whole: targets, coefficients, predictions.
#pragma once

#include <cstddef>
#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::linalg {

/// rows x cols, row-major, in double whatever the precision of the run; the same on all ranks.
struct ReplicatedMatrix {
  Index rows = 0;
  Index cols = 0;
  std::vector<double> values;

  ReplicatedMatrix() = default;
  /// All zero.
  ReplicatedMatrix(Index n_rows, Index n_cols)
      : rows(n_rows), cols(n_cols), values(static_cast<std::size_t>(n_rows * n_cols)) {}

  double& operator()(Index i, Index j) { return values[static_cast<std::size_t>(i * cols + j)]; }
  double operator()(Index i, Index j) const {
    return values[static_cast<std::size_t>(i * cols + j)];
  }
  double* row(Index i) { return values.data() + i * cols; }
  double const* row(Index i) const { return values.data() + i * cols; }
};

}  // namespace widelimit::linalg
