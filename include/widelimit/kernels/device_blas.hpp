/// \file
/// Matrix products in the memory of a device: cuBLAS.
#pragma once

#include <memory>

#include "widelimit/kernels/spaces.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::kernels {

/// Products on the stream of the default instance of Exec. All pointers are device memory, sizes and
/// leading dimensions below 2^31. Exists where Exec is a GPU's. Throws Error where the library fails.
class DeviceBlas {
 public:
  DeviceBlas();

  /// C = A·Bᵀ with A m x k, B n x k, C m x n, all row-major with leading dimensions k, k, ldc.
  /// 2mnk flops.
  template <class Real>
  void multiply_transposed(Real const* a, Real const* b, Real* c, Index m, Index n, Index k,
                           Index ldc) const;

  /// Y = T·X with T m x n, row-major with leading dimension `ld`; X n x columns and Y m x columns,
  /// column-major.
  template <class Real>
  void times_columns(Real const* t, Index m, Index n, Index ld, Real const* x, Index ldx,
                     Index columns, Real* y, Index ldy) const;

  /// Y = Tᵀ·X with T as above, X m x columns and Y n x columns.
  template <class Real>
  void transposed_times_columns(Real const* t, Index m, Index n, Index ld, Real const* x, Index ldx,
                                Index columns, Real* y, Index ldy) const;

 private:
  std::shared_ptr<void> handle_;
};

}  // namespace widelimit::kernels
