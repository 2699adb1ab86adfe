/// \file
/// Some of the points of a data set.
#pragma once

#include <vector>

#include "widelimit/gram/points.hpp"

namespace widelimit::gram {

/// Copies of the points with these numbers, in this order, bound to the same network as `points`.
/// Entries between a point and its own copy are those of two different points with equal inputs
/// (which differ from the diagonal where a network has dropout). Local, O(count·d).
template <class Real>
Points<Real> select_points(Points<Real> const& points, std::vector<Index> const& numbers);

}  // namespace widelimit::gram
