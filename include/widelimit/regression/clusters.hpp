/// \file
/// Rows of a matrix in groups of neighbours.
#pragma once

#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::regression {

/// Groups of equal sizes, to one.
struct Clusters {
  std::vector<Index> order;   ///< numbers of rows, those of a group next to each other
  std::vector<Index> begins;  ///< where in `order` each group begins; at last the number of rows

  Index count() const { return static_cast<Index>(begins.size()) - 1; }
  Range range(Index group) const {
    auto const k = static_cast<std::size_t>(group);
    return {begins[k], begins[k + 1]};
  }
};

/// As few groups as hold at most `size` of the n rows of F (row-major, `rank` columns) each: halves
/// again and again, across the direction in which rows vary most. Local; the same for equal rows.
/// 2·n·rank flops a halving.
template <class Real>
Clusters cluster_rows(Real const* f, Index n, Index rank, Index size);

extern template Clusters cluster_rows(float const*, Index, Index, Index);
extern template Clusters cluster_rows(double const*, Index, Index, Index);

}  // namespace widelimit::regression
