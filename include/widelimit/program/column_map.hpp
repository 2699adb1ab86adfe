/// \file
/// Makes constant linear maps between columns.
#pragma once

#include <functional>

#include "widelimit/program/program.hpp"

namespace widelimit::program {

/// One entry of a map: the weight of an input column in an output column.
struct MapEntry {
  Index input = 0, output = 0;
  double weight = 1;
};

/// The map with these entries, in any order; entries of equal place are added.
SharedColumnMap make_map(Index inputs, Index outputs, std::vector<MapEntry> entries);
/// y_j = x_columns[j].
SharedColumnMap selection(Index inputs, std::vector<Index> const& columns);
/// Columns first … first+count-1.
SharedColumnMap slice(Index inputs, Index first, Index count);
/// y_g = Σ of the columns of the part g of `groups` equal parts; one group: the sum of all.
SharedColumnMap sum_of_groups(Index inputs, Index groups);
SharedColumnMap transposed(ColumnMap const& map);
bool is_identity(ColumnMap const& map);

}  // namespace widelimit::program
