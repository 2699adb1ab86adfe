/// \file
/// What turns correlations of points into K and Θ.
#pragma once

#include "widelimit/gram/points.hpp"

namespace widelimit::gram::detail {

/// Entries with a defect below this are computed anew from the difference of the two rows. Above it
/// a product of rounded rows gives the angle to about ε/√(2·defect): 1e-13 in double, 2e-6 in
/// single.
template <class Real>
inline constexpr Real delicate_defect = sizeof(Real) == 8 ? Real(1e-5) : Real(2e-3);

/// Entries a block: three arrays of it for each register stay in the first-level cache; on a GPU
/// each has a thread.
template <class Real>
inline constexpr int block_width = kernels::exec_is_host ? 4096 / sizeof(Real) : 128;

/// The layer stack of a network on parts of rows of a Gram matrix.
template <class Real>
struct Epilogue {
  static constexpr int width = block_width<Real>;

  kernels::EntryProgram<Real> program;
  typename Points<Real>::Matrix x, y;                  ///< unit rows of the two sets
  typename Points<Real>::Matrix row_table, col_table;  ///< coefficients of the two sets
  typename Points<Real>::Vector row_scale, col_scale;  ///< final scales
  Real *nngp, *ntk;                                    ///< where the results go; null: nowhere

  /// Reals that the registers of one team take.
  KOKKOS_FUNCTION std::size_t register_count() const {
    return std::size_t{3} * width * (program.n_registers + kernels::n_work_blocks);
  }

  /// Tells the host's caches that `n` results from position `at` on will be written soon: the rows
  /// of a matrix lie on pages of their own, which no hardware prefetcher foresees.
  void prefetch(Index at, Index n) const {
    constexpr Index line = 64 / sizeof(Real);
    auto const lines = [&](Real const* out) {
      if (out == nullptr) return;
      for (Index k = 0; k < n; k += line) __builtin_prefetch(out + at + k, 1);
    };
    lines(nngp);
    lines(ntk);
  }

  /// Points `row` x `cols` (at most `width` of them), whose correlations are given; results go to
  /// position `at`. Returns how many of them are not finite, of this member's.
  template <class Member>
  KOKKOS_FUNCTION Index operator()(Member const& team, Real* registers, Real const* correlations,
                                   Index row, Range cols, Index at) const {
    auto const n = static_cast<int>(cols.size());
    auto const input = program.block(registers, width, 0);
    if (load(team, n, correlations, input) > 0) mend_delicate(team, n, input, row, cols.begin);
    Index const stride_row = static_cast<Index>(row_table.stride_0());
    Index const stride_col = static_cast<Index>(col_table.stride_0());
    program.run(team, n, registers, width, {row_table.data() + row, stride_row},
                {col_table.data() + cols.begin, stride_col});
    return store(team, n, program.block(registers, width, program.output), at, row, cols.begin);
  }

 private:
  /// Returns how many entries are delicate.
  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION int load(Member const& team, int n, Real const* from,
                                       kernels::Block<Real> input) const {
    Real const gain = program.initial_tangent ? 1 : 0;
    return kernels::count_lanes(team, n, [=](int k) {
      Real const value = from[k];
      Real const c = value > 1 ? Real(1) : (value < -1 ? Real(-1) : value);
      Real const e = 1 - Kokkos::fabs(c);
      input.store(k, {c, e, gain * c});
      return e < delicate_defect<Real>;
    });
  }

  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION void mend_delicate(Member const& team, int n,
                                                 kernels::Block<Real> input, Index row,
                                                 Index col) const {
    auto const mend_lane = [=, this](int k) {
      if (input.e[k] < delicate_defect<Real>) mend(input, k, row, col + k);
    };
    // Few are delicate, and what mends one does not vectorise.
    if constexpr (std::is_same_v<Member, kernels::HostMember>) {
      for (int k = 0; k < n; ++k) mend_lane(k);
    } else {
      kernels::for_each_lane(team, n, mend_lane);
    }
  }

  /// 1-|c| = |x ∓ y|²/2 for unit rows: no cancellation.
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
    input.t[k] = program.initial_tangent ? input.c[k] : Real(0);
  }

  /// Returns how many of the entries are not finite.
  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION Index store(Member const& team, int n, kernels::Block<Real> result,
                                          Index at, Index row, Index col) const {
    return store(team, n, result.c, nngp, at, row, col) +
           store(team, n, result.t, ntk, at, row, col);
  }

  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION int store(Member const& team, int n, Real const* values, Real* to,
                                        Index at, Index row, Index col) const {
    if (to == nullptr) return 0;
    Real const scale = row_scale(row);
    Real const* const col_scales = col_scale.data() + col;
    Real* const out = to + at;
    return kernels::count_lanes(team, n, [=](int k) {
      Real const value = scale * col_scales[k] * values[k];
      out[k] = value;
      return !(Kokkos::fabs(value) <= Kokkos::Experimental::finite_max_v<Real>);
    });
  }
};

/// The epilogue of the program that `rows` and `cols` were bound to.
template <class Real>
Epilogue<Real> epilogue_of(BoundProgram<Real> const& program, Points<Real> const& rows,
                           Points<Real> const& cols, Real* nngp, Real* ntk) {
  return {program.view(),
          rows.unit_rows,
          cols.unit_rows,
          rows.coefficients,
          cols.coefficients,
          rows.scale_out,
          cols.scale_out,
          nngp,
          ntk};
}

}  // namespace widelimit::gram::detail
