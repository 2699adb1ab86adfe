/// \file
/// Reads element-wise expressions of values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text_names.hpp"

namespace widelimit::program::detail {

/// An expression and what it is applied to: vectors, at the copies of rows, then scalars.
struct ElementwiseCall {
  Expression psi;
  std::vector<Id> vectors, scalars;
  std::vector<int> copies;
};

/// Reads "EXPRESSION" or "EXPRESSION like VALUES". \param rows  names of copies, the first of none
/// Throws InputError without a place.
ElementwiseCall parse_elementwise(TextNames const& names, std::string_view text,
                                  std::vector<std::string> const& rows = {});

}  // namespace widelimit::program::detail
