/// \file
/// How good predictions are.
#pragma once

#include "widelimit/linalg/replicated_matrix.hpp"

namespace widelimit::regression {

/// Mean of (f - y)² over all N·C entries; not a number for none. Equal shapes. Local.
double mean_squared_error(linalg::ReplicatedMatrix const& predictions,
                          linalg::ReplicatedMatrix const& targets);

/// Share of the rows in which the largest prediction stands in the column of the largest target
/// (the first, among equal ones); for one column: in which both are on the same side of `threshold`
/// (0 for targets ±1, ½ for 0 and 1). Not a number for no rows. Equal shapes. Local.
double accuracy(linalg::ReplicatedMatrix const& predictions,
                linalg::ReplicatedMatrix const& targets, double threshold = 0);

}  // namespace widelimit::regression
