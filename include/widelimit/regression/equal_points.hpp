/// \file
/// Equal points among the training data, which make a kernel singular.
#pragma once

#include <vector>

#include "widelimit/gram/points.hpp"
#include "widelimit/linalg/replicated_matrix.hpp"

namespace widelimit::regression {

/// A point with the inputs of an earlier one.
struct EqualPair {
  Index earlier, later;
  bool contradictory = false;  ///< their targets differ, so that no function fits both
  bool operator==(EqualPair const&) const = default;
};

/// All points that equal an earlier one (the first such), in order. Local, O(n·d).
/// \param targets  n rows
template <class Real>
std::vector<EqualPair> equal_points(gram::Points<Real> const& points,
                                    linalg::ReplicatedMatrix const& targets);

}  // namespace widelimit::regression
