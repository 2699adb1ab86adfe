#include "interpreter/detail/narrow_product.hpp"

#include <cstring>

namespace widelimit::interpreter::detail {
namespace {

/// Of the registers of the processor. Compilers vectorise the loops below along the rows, and use
/// each number of S for too few rows, unless they are told.
#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <class Real>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(vector_bytes)));
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(vector_bytes)));
};

constexpr int tile = 8;  ///< columns of B and of Y that are worked on at once

/// K columns of B, N columns of Y; Vector is a vector of Real, or Real for the last rows.
template <class Vector, int K, int N, class Real>
void add_rows(Index row, Real const* b, Index ldb, Real const* s, Index lds, Real* y, Index ldy) {
  Vector columns[K];
  for (int k = 0; k < K; ++k) std::memcpy(&columns[k], b + k * ldb + row, sizeof(Vector));
  for (int j = 0; j < N; ++j) {
    Vector sum;
    std::memcpy(&sum, y + j * ldy + row, sizeof sum);
    for (int k = 0; k < K; ++k) sum += columns[k] * s[k + j * lds];
    std::memcpy(y + j * ldy + row, &sum, sizeof sum);
  }
}

template <class Real, int K, int N>
void add_tile(Index rows, Real const* b, Index ldb, Real const* s, Index lds, Real* y, Index ldy) {
  using Vector = typename VectorOf<Real>::type;
  constexpr Index at_once = vector_bytes / sizeof(Real);
  Index const whole = rows / at_once * at_once;
  for (Index row = 0; row < whole; row += at_once)
    add_rows<Vector, K, N>(row, b, ldb, s, lds, y, ldy);
  for (Index row = whole; row < rows; ++row) add_rows<Real, K, N>(row, b, ldb, s, lds, y, ldy);
}

/// Columns of Y in tiles of 8, then 4, 2, 1.
template <class Real, int K, int N = tile>
void add_columns(Index rows, Index n, Real const* b, Index ldb, Real const* s, Index lds, Real* y,
                 Index ldy) {
  Index j = 0;
  for (; j + N <= n; j += N) add_tile<Real, K, N>(rows, b, ldb, s + j * lds, lds, y + j * ldy, ldy);
  if constexpr (N > 1)
    if (j < n) add_columns<Real, K, N / 2>(rows, n - j, b, ldb, s + j * lds, lds, y + j * ldy, ldy);
}

/// Columns of B likewise.
template <class Real, int K = tile>
void add_products(Index rows, Index n, Index k, Real const* b, Index ldb, Real const* s, Index lds,
                  Real* y, Index ldy) {
  Index p = 0;
  for (; p + K <= k; p += K) add_columns<Real, K>(rows, n, b + p * ldb, ldb, s + p, lds, y, ldy);
  if constexpr (K > 1)
    if (p < k) add_products<Real, K / 2>(rows, n, k - p, b + p * ldb, ldb, s + p, lds, y, ldy);
}

}  // namespace

template <class Real>
void add_narrow_product(Index rows, Index n, Index k, Real const* b, Index ldb, Real const* s,
                        Index lds, Real* y, Index ldy) {
  add_products<Real>(rows, n, k, b, ldb, s, lds, y, ldy);
}

template void add_narrow_product(Index, Index, Index, float const*, Index, float const*, Index,
                                 float*, Index);
template void add_narrow_product(Index, Index, Index, double const*, Index, double const*, Index,
                                 double*, Index);

}  // namespace widelimit::interpreter::detail
