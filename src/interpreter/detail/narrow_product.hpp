/// \file
/// Products of long columns with few columns, which a general GEMM spends on packing.
#pragma once

#include "widelimit/runtime/types.hpp"

namespace widelimit::interpreter::detail {

/// Products with at most so many columns are made by add_narrow_product.
inline constexpr Index narrow_columns = 32;

/// Y ← Y + B·S, column-major: B is rows x k, S is k x n, Y is rows x n. B is streamed once for
/// each eight columns of Y, which should stay in cache: a few thousand rows of them. Local, on one
/// thread, 2·rows·k·n flops.
template <class Real>
void add_narrow_product(Index rows, Index n, Index k, Real const* b, Index ldb, Real const* s,
                        Index lds, Real* y, Index ldy);

}  // namespace widelimit::interpreter::detail
