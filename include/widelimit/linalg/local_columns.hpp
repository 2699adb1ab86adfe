/// \file
/// Between small matrices that every rank holds whole and columns whose rows are spread.
#pragma once

#include "widelimit/linalg/replicated_matrix.hpp"
#include "widelimit/linalg/row_blocks.hpp"

namespace widelimit::linalg {

/// This rank's rows of `matrix` (rows.size() x columns), column-major. Local.
std::vector<double> local_columns(RowBlocks const& rows, ReplicatedMatrix const& matrix);

/// The matrix of which each rank gives its rows, column-major. Collective.
ReplicatedMatrix replicated(RowBlocks const& rows, std::vector<double> const& local, Index columns);

/// Column-major n x columns to row-major. Called with the two lengths exchanged: back.
std::vector<double> transposed(double const* from, Index n, Index columns);

}  // namespace widelimit::linalg
