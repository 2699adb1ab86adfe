/// \file
/// The kernel that turns a tile of correlations into K and Θ.
#pragma once

#include "widelimit/gram/points.hpp"

namespace widelimit::gram::detail {

/// Entries with a defect below this are computed anew from the difference of the two rows. Above it
/// a product of rounded rows gives the angle to about ε/√(2·defect): 1e-13 in double, 2e-6 in
/// single.
template <class Real>
inline constexpr Real delicate_defect = sizeof(Real) == 8 ? Real(1e-5) : Real(2e-3);

/// Entries a block: three arrays of it for each register stay in the first-level cache.
inline constexpr int block_width = 512;

template <class Real>
struct EpilogueKernel {
  using Policy = Kokkos::TeamPolicy<Exec>;
  using Member = typename Policy::member_type;
  using Scratch = Kokkos::View<Real*, typename Exec::scratch_memory_space,
                               Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

  kernels::EntryProgram<Real> program;
  typename Points<Real>::Matrix x, y;                  ///< unit rows of the two sets
  typename Points<Real>::Matrix row_table, col_table;  ///< coefficients of the two sets
  typename Points<Real>::Vector row_scale, col_scale;  ///< final scales
  Real const* correlation;                             ///< the product, may be `nngp` or `ntk`
  Real *nngp, *ntk;
  Index ld;
  Range rows, cols;
  bool lower_only;  ///< columns up to the row's own number (a tile on the diagonal)

  std::size_t scratch_bytes() const {
    return Scratch::shmem_size(std::size_t{3} * block_width *
                               (program.n_registers + kernels::n_work_blocks));
  }
  Index n_blocks() const { return (cols.size() + block_width - 1) / block_width; }

  /// One team a row and block of columns; consecutive teams share the columns, whose coefficients
  /// stay in cache. \param bad  counts entries that are not finite
  KOKKOS_FUNCTION void operator()(Member const& team, Index& bad) const {
    Index const i = team.league_rank() % rows.size();
    Index const j = team.league_rank() / rows.size() * block_width;
    Index const end = lower_only ? i + 1 : cols.size();
    if (j >= end) return;
    int const n = static_cast<int>(end - j < block_width ? end - j : block_width);
    Scratch const scratch(team.team_scratch(0), std::size_t{3} * block_width *
                                                    (program.n_registers + kernels::n_work_blocks));
    auto const input = program.block(scratch.data(), block_width, 0);
    Index const row = rows.begin + i, col = cols.begin + j;

    load(team, n, correlation + i * ld + j, input);
    mend_delicate(team, n, input, row, col);
    Index const stride_row = static_cast<Index>(row_table.stride_0());
    Index const stride_col = static_cast<Index>(col_table.stride_0());
    program.run(team, n, scratch.data(), block_width, {row_table.data() + row, stride_row},
                {col_table.data() + col, stride_col});
    bad += store(team, n, program.block(scratch.data(), block_width, program.output), i * ld + j,
                 row, col);
  }

 private:
  KOKKOS_FORCEINLINE_FUNCTION static void load(Member const& team, int n, Real const* from,
                                               kernels::Block<Real> input) {
    kernels::for_each_lane(team, n, [=](int k) {
      Real const value = from[k];
      Real const c = value > 1 ? Real(1) : (value < -1 ? Real(-1) : value);
      input.store(k, {c, 1 - Kokkos::fabs(c), 0});
    });
  }

  /// 1-|c| = |x ∓ y|²/2 for unit rows: no cancellation.
  KOKKOS_FORCEINLINE_FUNCTION void mend_delicate(Member const& team, int n,
                                                 kernels::Block<Real> input, Index row,
                                                 Index col) const {
    KOKKOS_IF_ON_HOST((
        Real least = 1; _Pragma("omp simd reduction(min : least)") for (int k = 0; k < n; ++k) {
          least = input.e[k] < least ? input.e[k] : least;
        } if (least >= delicate_defect<Real>) return;
        for (int k = 0; k < n; ++k) {
          if (input.e[k] < delicate_defect<Real>) mend(input, k, row, col + k);
        }))
    KOKKOS_IF_ON_DEVICE((kernels::for_each_lane(team, n, [=, *this](int k) {
                           if (input.e[k] < delicate_defect<Real>) mend(input, k, row, col + k);
                         });))
    (void)team;
  }

  KOKKOS_FORCEINLINE_FUNCTION void mend(kernels::Block<Real> input, int k, Index row,
                                        Index col) const {
    Real const sign = input.c[k] < 0 ? Real(-1) : Real(1);
    Index const d = static_cast<Index>(x.extent(1));
    Real const* const a = &x(row, 0);
    Real const* const b = &y(col, 0);
    Real distance = 0;
    for (Index m = 0; m < d; ++m) distance += kernels::square(a[m] - sign * b[m]);
    input.e[k] = distance / 2;
    input.c[k] = sign * (1 - distance / 2);
  }

  KOKKOS_FORCEINLINE_FUNCTION Index store(Member const& team, int n, kernels::Block<Real> result,
                                          Index at, Index row, Index col) const {
    Real const scale = row_scale(row);
    Real const* const col_scales = col_scale.data() + col;
    Real* const out_nngp = nngp;
    Real* const out_ntk = ntk;
    // x - x is 0 for finite x alone, so the sum tells in one number whether all are finite.
    if (out_nngp != nullptr) {
      kernels::for_each_lane(
          team, n, [=](int k) { out_nngp[at + k] = scale * col_scales[k] * result.c[k]; });
    }
    if (out_ntk != nullptr) {
      kernels::for_each_lane(team, n,
                             [=](int k) { out_ntk[at + k] = scale * col_scales[k] * result.t[k]; });
    }
    return count_bad(team, n, out_nngp, at) + count_bad(team, n, out_ntk, at);
  }

  KOKKOS_FORCEINLINE_FUNCTION static Index count_bad(Member const& team, int n, Real const* values,
                                                     Index at) {
    if (values == nullptr) return 0;
    int bad = 0;
    KOKKOS_IF_ON_HOST((_Pragma("omp simd reduction(+ : bad)") for (int k = 0; k < n; ++k) {
      bad += Kokkos::fabs(values[at + k]) <= Kokkos::Experimental::finite_max_v<Real> ? 0 : 1;
    }))
    KOKKOS_IF_ON_DEVICE(
        (Kokkos::parallel_reduce(
             Kokkos::TeamVectorRange(team, n),
             [=](int k, int& sum) { sum += Kokkos::isfinite(values[at + k]) ? 0 : 1; }, bad);))
    (void)team;
    return bad;
  }
};

}  // namespace widelimit::gram::detail
