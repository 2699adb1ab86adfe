/// \file
/// Norms and column sums of distributed matrices, accumulated in double.
#pragma once

#include <vector>

#include "widelimit/linalg/distributed_matrix.hpp"

namespace widelimit::linalg {

/// max |a_ij| over a part of the blocks (`lower`, `upper`: the blocks that touch that triangle);
/// not a number where any entry is none. Collective.
template <class Real>
double max_abs(DistributedMatrix<Real> const& a, Part part = Part::all);

/// max_i Σ_j |a_ij|. Collective, replicated memory rows().
template <class Real>
double inf_norm(DistributedMatrix<Real> const& a);

/// Σ_i a_ij·b_ij for each column j, on all ranks; with b = a the sums of squares. Equal shapes and
/// blocks. Collective.
template <class Real>
std::vector<double> column_dots(DistributedMatrix<Real> const& a, DistributedMatrix<Real> const& b);

}  // namespace widelimit::linalg
