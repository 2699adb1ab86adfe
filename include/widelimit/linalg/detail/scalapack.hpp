/// \file
/// The BLACS, PBLAS, ScaLAPACK and LAPACK routines that `linalg` calls, which come without headers,
/// and one name for the float and the double form of each.
#pragma once

#include <cstddef>

#include <mpi.h>

extern "C" {
int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int* context, char const* order, int rows, int cols);
void Cblacs_gridinfo(int context, int* rows, int* cols, int* row, int* col);
void Cblacs_gridexit(int context);

// NOLINTBEGIN(bugprone-macro-parentheses): a type takes none.
// A Fortran routine takes the length of each character argument at the end; PBLAS is written in C.
#define WIDELIMIT_DECLARE(Real, s)                                                                 \
  void s##potrf_(char const*, int const*, Real*, int const*, int*, std::size_t);                   \
  void p##s##potrf_(char const*, int const*, Real*, int const*, int const*, int const*, int*,      \
                    std::size_t);                                                                  \
  void p##s##trsm_(char const*, char const*, char const*, char const*, int const*, int const*,     \
                   Real const*, Real const*, int const*, int const*, int const*, Real*,            \
                   int const*, int const*, int const*);                                            \
  void p##s##symm_(char const*, char const*, int const*, int const*, Real const*, Real const*,     \
                   int const*, int const*, int const*, Real const*, int const*, int const*,        \
                   int const*, Real const*, Real*, int const*, int const*, int const*);            \
  void p##s##syrk_(char const*, char const*, int const*, int const*, Real const*, Real const*,     \
                   int const*, int const*, int const*, Real const*, Real*, int const*, int const*, \
                   int const*);                                                                    \
  void p##s##syr2k_(char const*, char const*, int const*, int const*, Real const*, Real const*,    \
                    int const*, int const*, int const*, Real const*, int const*, int const*,       \
                    int const*, Real const*, Real*, int const*, int const*, int const*);           \
  void p##s##gemm_(char const*, char const*, int const*, int const*, int const*, Real const*,      \
                   Real const*, int const*, int const*, int const*, Real const*, int const*,       \
                   int const*, int const*, Real const*, Real*, int const*, int const*,             \
                   int const*);                                                                    \
  void p##s##tran_(int const*, int const*, Real const*, Real const*, int const*, int const*,       \
                   int const*, Real const*, Real*, int const*, int const*, int const*);

WIDELIMIT_DECLARE(float, s)
WIDELIMIT_DECLARE(double, d)
#undef WIDELIMIT_DECLARE
// NOLINTEND(bugprone-macro-parentheses)

void dsyevd_(char const*, char const*, int const*, double*, int const*, double*, double*,
             int const*, int*, int const*, int*, std::size_t, std::size_t);
void pdsyevd_(char const*, char const*, int const*, double*, int const*, int const*, int const*,
              double*, double*, int const*, int const*, int const*, double*, int const*, int*,
              int const*, int*, std::size_t, std::size_t);
void dstev_(char const*, int const*, double*, double*, double*, int const*, double*, int*,
            std::size_t);
}

namespace widelimit::linalg::detail {

/// The routines for one type of entry.
template <class Real>
struct Scalapack;

#define WIDELIMIT_NAMES(Real, s)                 \
  template <>                                    \
  struct Scalapack<Real> {                       \
    static constexpr auto potrf = s##potrf_;     \
    static constexpr auto ppotrf = p##s##potrf_; \
    static constexpr auto ptrsm = p##s##trsm_;   \
    static constexpr auto psymm = p##s##symm_;   \
    static constexpr auto psyrk = p##s##syrk_;   \
    static constexpr auto psyr2k = p##s##syr2k_; \
    static constexpr auto pgemm = p##s##gemm_;   \
    static constexpr auto ptran = p##s##tran_;   \
  };

WIDELIMIT_NAMES(float, s)
WIDELIMIT_NAMES(double, d)
#undef WIDELIMIT_NAMES

}  // namespace widelimit::linalg::detail
