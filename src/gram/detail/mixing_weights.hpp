/// \file
/// What layers that mix positions make of one point: G of y(a) = Σ_p G(a, p)·x(p), inputs of a
/// position row by row, 0 beyond the end of a sequence.
#pragma once

#include <vector>

#include "widelimit/gram/position_graph.hpp"

namespace widelimit::gram::detail {

/// \param adjacency  of the point, tail by head; read for Source::pattern alone
template <class Real>
std::vector<double> pattern_weights(PointMapNode const& map, Index outputs, Index inputs,
                                    Index length, Real const* adjacency);

/// \param kernels  of all pairs of positions, row by row
std::vector<double> attention_weights(AttentionNode const& attention, Index positions, Index length,
                                      std::vector<double> const& kernels);

}  // namespace widelimit::gram::detail
