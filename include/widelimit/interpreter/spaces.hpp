/// \file
/// Which vectors of a program are read together, row by row.
#pragma once

#include <vector>

#include "widelimit/program/program.hpp"

namespace widelimit::interpreter {

/// Vectors whose rows meet in some instruction share a space; the layers of a feed-forward network
/// are spaces of their own, joined by matrices alone. The numbers of the spaces are 0, 1, ….
struct Spaces {
  int count = 0;
  std::vector<int> of_vector;  ///< by value; of a vector its space
  std::vector<int> right;      ///< by value; of a matrix W the space of x in W·x
  std::vector<int> left;       ///< and that of W·x
};

/// The finest spaces that all blocks of the program allow. Local.
Spaces find_spaces(program::Program const& program);

}  // namespace widelimit::interpreter
