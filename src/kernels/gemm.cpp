#include "widelimit/kernels/gemm.hpp"

#include <cblas.h>

namespace widelimit::kernels {
namespace {

blasint blas(Index n) {
  return static_cast<blasint>(n);
}

}  // namespace

void multiply_transposed(double const* a, double const* b, double* c, Index m, Index n, Index k,
                         Index ldc) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas(m), blas(n), blas(k), 1.0, a, blas(k),
              b, blas(k), 0.0, c, blas(ldc));
}
void multiply_transposed(float const* a, float const* b, float* c, Index m, Index n, Index k,
                         Index ldc) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, blas(m), blas(n), blas(k), 1.0F, a, blas(k),
              b, blas(k), 0.0F, c, blas(ldc));
}
}  // namespace widelimit::kernels
