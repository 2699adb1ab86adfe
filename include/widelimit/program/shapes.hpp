/// \file
/// The shapes of values, and what has to fit.
#pragma once

#include <string>

#include "widelimit/program/program.hpp"

namespace widelimit::program {

struct Shape {
  Kind kind = Kind::scalar;
  Index rows = 0, columns = 0;  ///< as in Value
  bool operator==(Shape const&) const = default;
};

/// "a vector of 3 columns", "a 2 x 3 scalar".
std::string to_string(Shape const& shape);

inline Shape shape_of(Program const& program, Id id) {
  auto const& value = program.value(id);
  return {value.kind, value.rows, value.columns};
}

/// The shape of what an instruction defines, or of what it changes. Local. Throws InputError
/// without a place: operands of another kind or of shapes that do not fit, named.
Shape result_shape(Program const& program, Instruction const& instruction);

}  // namespace widelimit::program
