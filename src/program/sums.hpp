/// \file
/// Sums of values, as several parts of this module write them.
#pragma once

#include <functional>
#include <vector>

#include "widelimit/program/builder.hpp"

namespace widelimit::program::detail {

/// a₀ + a₁ + … of the first `count` arguments.
Expression sum_of_arguments(std::size_t count);

/// Σ of vectors, of scalars; one of them is itself.
Id sum_of_vectors(Builder& builder, std::vector<Id> const& values);
Id sum_of_scalars(Builder& builder, std::vector<Id> const& values);

/// A constant scalar of ones, 1 x columns, made once.
Id ones_row(Builder& builder, Index columns);

/// A constant scalar, rows x columns; value(row, column).
Id constant_array(Builder& builder, Index rows, Index columns,
                  std::function<double(Index, Index)> const& value);

/// Sums over the columns of each of `groups` equal parts, if there is more than one in a part.
Id sum_scalar_groups(Builder& builder, Id x, Index groups);

}  // namespace widelimit::program::detail
