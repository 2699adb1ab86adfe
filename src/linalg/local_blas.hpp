/// \file
/// BLAS on one rank's memory, one name for float and double. Column-major unless said otherwise.
#pragma once

#include <cblas.h>

#include "widelimit/runtime/types.hpp"

namespace widelimit::linalg::detail {

#define WIDELIMIT_LOCAL_BLAS(Real, s)                                                             \
  inline void trsm_lower(bool transposed, Index rows, Index cols, Real const* l, Index ldl,       \
                         Real* b, Index ldb) {                                                    \
    cblas_##s##trsm(CblasColMajor, CblasLeft, CblasLower, transposed ? CblasTrans : CblasNoTrans, \
                    CblasNonUnit, static_cast<int>(rows), static_cast<int>(cols), Real{1}, l,     \
                    static_cast<int>(ldl), b, static_cast<int>(ldb));                             \
  }                                                                                               \
  inline void gemm(bool transpose_a, bool transpose_b, Index rows, Index cols, Index inner,       \
                   Real alpha, Real const* a, Index lda, Real const* b, Index ldb, Real beta,     \
                   Real* c, Index ldc) {                                                          \
    cblas_##s##gemm(CblasColMajor, transpose_a ? CblasTrans : CblasNoTrans,                       \
                    transpose_b ? CblasTrans : CblasNoTrans, static_cast<int>(rows),              \
                    static_cast<int>(cols), static_cast<int>(inner), alpha, a,                    \
                    static_cast<int>(lda), b, static_cast<int>(ldb), beta, c,                     \
                    static_cast<int>(ldc));                                                       \
  }                                                                                               \
  inline void symm_lower(Index rows, Index cols, Real alpha, Real const* a, Index lda,            \
                         Real const* b, Index ldb, Real beta, Real* c, Index ldc) {               \
    cblas_##s##symm(CblasColMajor, CblasLeft, CblasLower, static_cast<int>(rows),                 \
                    static_cast<int>(cols), alpha, a, static_cast<int>(lda), b,                   \
                    static_cast<int>(ldb), beta, c, static_cast<int>(ldc));                       \
  }                                                                                               \
  inline void syrk_lower_transposed(Index n, Index k, Real alpha, Real const* a, Index lda,       \
                                    Real beta, Real* c, Index ldc) {                              \
    cblas_##s##syrk(CblasColMajor, CblasLower, CblasTrans, static_cast<int>(n),                   \
                    static_cast<int>(k), alpha, a, static_cast<int>(lda), beta, c,                \
                    static_cast<int>(ldc));                                                       \
  }                                                                                               \
  inline void syr2k_lower_transposed(Index n, Index k, Real alpha, Real const* a, Index lda,      \
                                     Real const* b, Index ldb, Real beta, Real* c, Index ldc) {   \
    cblas_##s##syr2k(CblasColMajor, CblasLower, CblasTrans, static_cast<int>(n),                  \
                     static_cast<int>(k), alpha, a, static_cast<int>(lda), b,                     \
                     static_cast<int>(ldb), beta, c, static_cast<int>(ldc));                      \
  }

WIDELIMIT_LOCAL_BLAS(float, s)
WIDELIMIT_LOCAL_BLAS(double, d)
#undef WIDELIMIT_LOCAL_BLAS

/// Y += A·X, or Aᵀ·X: A rows x cols column-major, X and Y row-major with `columns` columns.
inline void add_product(bool transposed, Index rows, Index cols, double const* a, Index lda,
                        double const* x, Index columns, double* y) {
  int const m = static_cast<int>(rows);
  int const n = static_cast<int>(cols);
  int const c = static_cast<int>(columns);
  int const ld = static_cast<int>(lda);
  if (c == 1)
    cblas_dgemv(CblasColMajor, transposed ? CblasTrans : CblasNoTrans, m, n, 1.0, a, ld, x, 1, 1.0,
                y, 1);
  else  // a column-major matrix is its transpose, row-major
    cblas_dgemm(CblasRowMajor, transposed ? CblasNoTrans : CblasTrans, CblasNoTrans,
                transposed ? n : m, c, transposed ? m : n, 1.0, a, ld, x, c, 1.0, y, c);
}

}  // namespace widelimit::linalg::detail
