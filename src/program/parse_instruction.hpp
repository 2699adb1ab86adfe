/// \file
/// Reads what instructions do, behind the name that they define or change.
#pragma once

#include <string>

#include "widelimit/program/builder.hpp"

#include "line_cursor.hpp"
#include "text_names.hpp"

namespace widelimit::program::detail {

/// The instruction of `NAME = …`, from behind the `=`, without its `out`. Throws InputError without
/// a place.
Instruction parse_definition(TextNames const& names, LineCursor& c);

/// The constant linear map of `NAME = […]`, from behind the bracket. Throws likewise.
Instruction parse_column_map(TextNames const& names, LineCursor& c);

/// Appends the update of `NAME <- …`, from behind the arrow. Throws likewise.
void parse_update(TextNames const& names, std::string const& target, LineCursor& c,
                  Builder& builder);

}  // namespace widelimit::program::detail
