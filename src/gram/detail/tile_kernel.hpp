/// \file
/// The kernel that computes a tile part by part.
#pragma once

#include "widelimit/kernels/gemm.hpp"

#include "gram/detail/epilogue.hpp"

namespace widelimit::gram::detail {

/// A tile in parts of `side` x `side` points, a team each: the product of the inputs stays in the
/// team's own cache, where the epilogue takes it from, and no team waits for another. On the host a
/// team is one thread, within which OpenBLAS runs single-threaded.
template <class Real>
struct TileKernel {
  using Policy = Kokkos::TeamPolicy<Exec, Kokkos::Schedule<Kokkos::Dynamic>>;
  using Member = typename Policy::member_type;
  using Scratch = Kokkos::View<Real*, typename Exec::scratch_memory_space,
                               Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

  /// Largest side whose product fits beside the packed inputs in a second-level cache of 2 MiB.
  static constexpr Index largest_side = sizeof(Real) == 4 ? 512 : 384;
  static constexpr Index smallest_side = 128;

  Epilogue<Real> epilogue;
  Range rows, cols;
  Index ld;
  bool lower_only;  ///< a tile on the diagonal: columns up to the row's own number
  Index side;

  /// The side that gives each of `threads` a few parts to work on, as far as that is sensible.
  static Index side_for(Range rows, Range cols, Index threads) {
    Index side = largest_side;
    auto const parts = [&] {
      return ((rows.size() + side - 1) / side) * ((cols.size() + side - 1) / side);
    };
    while (side > smallest_side && threads > 1 && parts() < 2 * threads) side /= 2;
    return side;
  }

  Index row_parts() const { return (rows.size() + side - 1) / side; }
  Index col_parts() const { return (cols.size() + side - 1) / side; }

  Policy policy(Exec const& exec) const {
    auto const bytes = [](std::size_t count) {
      return Kokkos::PerTeam(static_cast<int>(Scratch::shmem_size(count)));
    };
    return Policy(exec, static_cast<int>(row_parts() * col_parts()), 1)
        .set_scratch_size(0, bytes(epilogue.register_count()))
        .set_scratch_size(1, bytes(static_cast<std::size_t>(side * side)));
  }

  /// \param bad  counts entries that are not finite
  KOKKOS_FUNCTION void operator()(Member const& team, Index& bad) const {
    Index const i0 = team.league_rank() / col_parts() * side,
                j0 = team.league_rank() % col_parts() * side;
    if (lower_only && j0 > i0) return;
    Range const part_rows{i0, Kokkos::min(rows.size(), i0 + side)},
        part_cols{j0, Kokkos::min(cols.size(), j0 + side)};
    Scratch const product(team.team_scratch(1), side * side);
    multiply(part_rows, part_cols, product.data());
    Scratch const registers(team.team_scratch(0), epilogue.register_count());
    // Row after row for the same columns, whose coefficients stay in cache.
    for (Index j = part_cols.begin; j < part_cols.end; j += epilogue.width) {
      Index const block_end = Kokkos::min(part_cols.end, j + epilogue.width);
      for (Index i = part_rows.begin; i < part_rows.end; ++i) {
        Index const end = lower_only ? Kokkos::min(block_end, i + 1) : block_end;
        epilogue.prefetch((i + 1) * ld + j, end - j);
        if (j >= end) continue;
        bad += epilogue(team, registers.data(), product.data() + (i - i0) * side + (j - j0),
                        rows.begin + i, {cols.begin + j, cols.begin + end}, i * ld + j);
      }
    }
  }

 private:
  void multiply(Range part_rows, Range part_cols, Real* product) const {
    auto const d = static_cast<Index>(epilogue.x.extent(1));
    kernels::multiply_transposed(epilogue.x.data() + (rows.begin + part_rows.begin) * d,
                                 epilogue.y.data() + (cols.begin + part_cols.begin) * d, product,
                                 part_rows.size(), part_cols.size(), d, side);
  }
};

}  // namespace widelimit::gram::detail
