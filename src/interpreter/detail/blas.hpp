/// \file
/// Column-major matrix products on one rank, one name for float and double.
#pragma once

#include <cblas.h>

#include "widelimit/runtime/types.hpp"

namespace widelimit::interpreter::detail {

/// C ← α·op(A)·op(B) + β·C, op the transpose where asked. C is m x n, the sum runs over k.
inline void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, double alpha,
                 double const* a, Index lda, double const* b, Index ldb, double beta, double* c,
                 Index ldc) {
  cblas_dgemm(CblasColMajor, transpose_a ? CblasTrans : CblasNoTrans,
              transpose_b ? CblasTrans : CblasNoTrans, static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), alpha, a, static_cast<int>(lda), b, static_cast<int>(ldb), beta,
              c, static_cast<int>(ldc));
}
inline void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, float alpha,
                 float const* a, Index lda, float const* b, Index ldb, float beta, float* c,
                 Index ldc) {
  cblas_sgemm(CblasColMajor, transpose_a ? CblasTrans : CblasNoTrans,
              transpose_b ? CblasTrans : CblasNoTrans, static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), alpha, a, static_cast<int>(lda), b, static_cast<int>(ldb), beta,
              c, static_cast<int>(ldc));
}

}  // namespace widelimit::interpreter::detail
