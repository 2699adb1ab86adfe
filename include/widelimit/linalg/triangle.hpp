/// \file
/// Triangles and the diagonal of a square distributed matrix.
#pragma once

#include <vector>

#include "widelimit/linalg/distributed_matrix.hpp"

namespace widelimit::linalg {

/// Copies the part below the diagonal, transposed, to the part above. Collective, N²/2 entries.
template <class Real>
void mirror_lower_to_upper(DistributedMatrix<Real>& a);

/// Copies the part above the diagonal, transposed, to the part below. Collective, N²/2 entries.
template <class Real>
void mirror_upper_to_lower(DistributedMatrix<Real>& a);

/// The diagonal, on all ranks. Collective.
template <class Real>
std::vector<double> diagonal(DistributedMatrix<Real> const& a);

/// Sets entry (i, i) to values[i] + shift. Local.
template <class Real>
void set_diagonal(DistributedMatrix<Real>& a, std::vector<double> const& values, double shift = 0);

}  // namespace widelimit::linalg
