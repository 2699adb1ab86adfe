/// \file
/// Matrices for tests of linear algebra: the same on any number of ranks.
#pragma once

#include <cmath>
#include <random>

#include "widelimit/linalg/distributed_matrix.hpp"

namespace widelimit::test {

using linalg::DistributedMatrix;
using linalg::Part;
using linalg::ProcessGrid;
using linalg::ReplicatedMatrix;

/// All ranks. One grid for the whole program, as matrices multiply only within one grid.
inline ProcessGrid world_grid() {
  static ProcessGrid const grid(runtime::Communicator::world());
  return grid;
}

/// Entries uniform in (-1, 1).
inline ReplicatedMatrix random_matrix(Index rows, Index cols, unsigned seed) {
  ReplicatedMatrix a(rows, cols);
  std::mt19937_64 bits(seed);
  for (double& entry : a.values) entry = static_cast<double>(bits()) * 0x1p-63 - 1;
  return a;
}

/// A·Bᵀ, by definition.
inline ReplicatedMatrix outer_product(ReplicatedMatrix const& a, ReplicatedMatrix const& b) {
  ReplicatedMatrix c(a.rows, b.rows);
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < b.rows; ++j)
      for (Index k = 0; k < a.cols; ++k) c(i, j) += a(i, k) * b(j, k);
  return c;
}

inline ReplicatedMatrix transpose(ReplicatedMatrix const& a) {
  ReplicatedMatrix t(a.cols, a.rows);
  for (Index i = 0; i < a.rows; ++i)
    for (Index j = 0; j < a.cols; ++j) t(j, i) = a(i, j);
  return t;
}

/// A·B, by definition.
inline ReplicatedMatrix product(ReplicatedMatrix const& a, ReplicatedMatrix const& b) {
  return outer_product(a, transpose(b));
}

/// B·Bᵀ/rank + diagonal·I with B random n x rank: positive definite for diagonal > 0, with the
/// smallest eigenvalue `diagonal` for rank < n.
inline ReplicatedMatrix random_spd(Index n, Index rank, double diagonal, unsigned seed) {
  auto const b = random_matrix(n, rank, seed);
  auto a = outer_product(b, b);
  for (double& entry : a.values) entry /= static_cast<double>(rank);
  for (Index i = 0; i < n; ++i) a(i, i) += diagonal;
  return a;
}

/// Entries of the blocks in `part`; elsewhere zero.
template <class Real>
DistributedMatrix<Real> distribute(ReplicatedMatrix const& whole, Index block,
                                   Part part = Part::all) {
  DistributedMatrix<Real> a(world_grid(), whole.rows, whole.cols, block);
  a.for_each_block(part, [&](Range rows, Range cols, Real* entries, Index ld) {
    for (Index j = cols.begin; j < cols.end; ++j)
      for (Index i = rows.begin; i < rows.end; ++i)
        entries[i - rows.begin + (j - cols.begin) * ld] = static_cast<Real>(whole(i, j));
  });
  return a;
}

/// max |a - b| / max |b|.
inline double relative_difference(ReplicatedMatrix const& a, ReplicatedMatrix const& b) {
  if (a.rows != b.rows || a.cols != b.cols) return INFINITY;
  double difference = 0;
  double scale = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    double const d = std::abs(a.values[i] - b.values[i]);
    if (!(d <= difference)) difference = d;  // keeps what is not a number
    scale = std::max(scale, std::abs(b.values[i]));
  }
  return difference / scale;
}

}  // namespace widelimit::test
