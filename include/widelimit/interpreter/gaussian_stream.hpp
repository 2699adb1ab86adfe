/// \file
/// Standard normal numbers that depend on where they stand, not on who asks when.
#pragma once

#include <cstdint>

#include "widelimit/runtime/types.hpp"

namespace widelimit::interpreter {

/// Fills columns with independent N(0, 1) numbers: Philox-4x32-10 (Salmon et al. 2011) keyed by
/// (seed, object), counted by (row, column), Box–Muller on 53 random bits each. The
/// same on any number of ranks and threads.
/// \param seed     of the run, with the replicate in it
/// \param object   which random object of the run; objects are independent of each other
/// \param rows     which rows of it, counted over all ranks
/// \param columns  which columns
/// \param out      |rows| x |columns|, column-major with leading dimension ld
/// Local, parallel over threads unless called within a parallel region.
template <class Real>
void fill_gaussian(std::uint64_t seed, std::uint32_t object, Range rows, Range columns, Real* out,
                   Index ld);

}  // namespace widelimit::interpreter
