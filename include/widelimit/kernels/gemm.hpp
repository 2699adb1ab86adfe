/// \file
/// Matrix products of points: OpenBLAS on the host.
#pragma once

#include "widelimit/runtime/types.hpp"

namespace widelimit::kernels {

/// C = A·Bᵀ with A m x k, B n x k, C m x n, all row-major with leading dimensions k, k, ldc. Host
/// memory. 2mnk flops.
void multiply_transposed(double const* a, double const* b, double* c, Index m, Index n, Index k,
                         Index ldc);
void multiply_transposed(float const* a, float const* b, float* c, Index m, Index n, Index k,
                         Index ldc);

}  // namespace widelimit::kernels
