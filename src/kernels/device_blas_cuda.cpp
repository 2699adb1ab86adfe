#include <cublas_v2.h>

#include "widelimit/kernels/device_blas.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::kernels {
namespace {

void check(cublasStatus_t status, char const* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(ExitCode::failed,
              fmt::format("cuBLAS failed to {}: {}", what, cublasGetStatusString(status)));
}

auto gemm(float) {
  return &cublasSgemm;
}
auto gemm(double) {
  return &cublasDgemm;
}

/// C = op(A)·op(B), column-major.
template <class Real>
void multiply(void* handle, cublasOperation_t op_a, cublasOperation_t op_b, Index m, Index n,
              Index k, Real const* a, Index lda, Real const* b, Index ldb, Real* c, Index ldc) {
  Real const one = 1, zero = 0;
  auto const size = [](Index value) { return static_cast<int>(value); };
  check(gemm(Real{})(static_cast<cublasHandle_t>(handle), op_a, op_b, size(m), size(n), size(k),
                     &one, a, size(lda), b, size(ldb), &zero, c, size(ldc)),
        "multiply matrices");
}

}  // namespace

DeviceBlas::DeviceBlas() {
  cublasHandle_t handle = nullptr;
  check(cublasCreate(&handle), "start");
  handle_ = std::shared_ptr<void>(
      handle, [](void* old) { cublasDestroy(static_cast<cublasHandle_t>(old)); });
  check(cublasSetStream(handle, Exec().cuda_stream()), "take a stream");
}

// The library's matrices are column-major: what is row-major here is its transpose there.

template <class Real>
void DeviceBlas::multiply_transposed(Real const* a, Real const* b, Real* c, Index m, Index n,
                                     Index k, Index ldc) const {
  multiply(handle_.get(), CUBLAS_OP_T, CUBLAS_OP_N, n, m, k, b, k, a, k, c, ldc);
}

template <class Real>
void DeviceBlas::times_columns(Real const* t, Index m, Index n, Index ld, Real const* x, Index ldx,
                               Index columns, Real* y, Index ldy) const {
  multiply(handle_.get(), CUBLAS_OP_T, CUBLAS_OP_N, m, columns, n, t, ld, x, ldx, y, ldy);
}

template <class Real>
void DeviceBlas::transposed_times_columns(Real const* t, Index m, Index n, Index ld, Real const* x,
                                          Index ldx, Index columns, Real* y, Index ldy) const {
  multiply(handle_.get(), CUBLAS_OP_N, CUBLAS_OP_N, n, columns, m, t, ld, x, ldx, y, ldy);
}

#define WIDELIMIT_INSTANTIATE(Real)                                                             \
  template void DeviceBlas::multiply_transposed(Real const*, Real const*, Real*, Index, Index,  \
                                                Index, Index) const;                            \
  template void DeviceBlas::times_columns(Real const*, Index, Index, Index, Real const*, Index, \
                                          Index, Real*, Index) const;                           \
  template void DeviceBlas::transposed_times_columns(                                           \
      Real const*, Index, Index, Index, Real const*, Index, Index, Real*, Index) const;
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)
#undef WIDELIMIT_INSTANTIATE

}  // namespace widelimit::kernels
