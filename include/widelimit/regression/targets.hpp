/// \file
/// Targets of a regression from class labels.
#pragma once

#include <string>
#include <vector>

#include "widelimit/linalg/replicated_matrix.hpp"

namespace widelimit::regression {

/// How integer labels become real targets.
enum class LabelCoding {
  one_hot,         ///< 1 for the class, 0 for the others
  one_hot_centred  ///< 1 - 1/C for the class, -1/C for the others: each row sums to zero
};

/// N x C targets. \param classes  C, or 0 for the largest label + 1
/// \param source  what the labels are called in an error, e.g. "data.train.targets"
/// Local. Throws InputError, with the row, for a label that is negative or not below `classes`.
linalg::ReplicatedMatrix encode_labels(std::vector<Index> const& labels, Index classes,
                                       LabelCoding coding, std::string const& source);

}  // namespace widelimit::regression
