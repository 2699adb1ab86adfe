/// \file
/// Words that the parser and the printer of programs share.
#pragma once

#include <string_view>
#include <utility>

#include "widelimit/program/program.hpp"

namespace widelimit::program::detail {

inline constexpr std::pair<std::string_view, Role> roles[] = {
    {"output", Role::output},
    {"loss", Role::loss},
    {"preactivation", Role::preactivation},
    {"feature", Role::feature},
    {"gradient", Role::gradient},
    {"tangent_kernel", Role::tangent_kernel},
    {"other", Role::other}};

/// Reductions of scalars.
struct ReductionWord {
  std::string_view word;
  Reduction reduction;
  Axis axis;
};
inline constexpr ReductionWord reductions[] = {
    {"sum", Reduction::sum, Axis::all},
    {"sum_rows", Reduction::sum, Axis::rows},
    {"sum_columns", Reduction::sum, Axis::columns},
    {"largest", Reduction::maximum, Axis::all},
    {"largest_rows", Reduction::maximum, Axis::rows},
    {"largest_columns", Reduction::maximum, Axis::columns}};

}  // namespace widelimit::program::detail
