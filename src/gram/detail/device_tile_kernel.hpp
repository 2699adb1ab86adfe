/// \file
/// The kernel that turns the correlations of a tile into its entries on a GPU.
#pragma once

#include "gram/detail/bad_entries.hpp"
#include "gram/detail/epilogue.hpp"

namespace widelimit::gram::detail {

/// Teams of a thread for each of `Epilogue::width` columns, which goes through a few rows: the
/// coefficients of its columns stay in cache.
template <class Real>
struct DeviceTileKernel {
  using Policy = Kokkos::TeamPolicy<Exec>;
  using Member = typename Policy::member_type;
  using Scratch =
      Kokkos::View<Real*, Exec::scratch_memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  static constexpr Index height = 16;
  static constexpr Index width = Epilogue<Real>::width;

  Epilogue<Real> epilogue;
  Real const* correlations;  ///< of the tile; results may take their place
  Range rows, cols;
  Index ld;
  bool lower_only;  ///< a tile on the diagonal: columns up to the row's own number
  BadEntries::Counter bad;

  KOKKOS_FUNCTION Index col_blocks() const { return (cols.size() + width - 1) / width; }
  Policy policy() const {
    Index const row_blocks = (rows.size() + height - 1) / height;
    return Policy(static_cast<int>(row_blocks * col_blocks()), static_cast<int>(width))
        .set_scratch_size(
            0, Kokkos::PerTeam(static_cast<int>(Scratch::shmem_size(epilogue.register_count()))));
  }

  KOKKOS_FUNCTION void operator()(Member const& team) const {
    Index const first = team.league_rank() / col_blocks() * height;
    Index const j = team.league_rank() % col_blocks() * width;
    Index const last = Kokkos::min(rows.size(), first + height);
    Index const block_end = Kokkos::min(cols.size(), j + width);
    Scratch const registers(team.team_scratch(0), epilogue.register_count());
    Index found = 0;
    for (Index i = first; i < last; ++i) {
      Index const end = lower_only ? Kokkos::min(block_end, i + 1) : block_end;
      if (j >= end) continue;
      found += epilogue(team, registers.data(), correlations + i * ld + j, rows.begin + i,
                        {cols.begin + j, cols.begin + end}, i * ld + j);
    }
    count_bad(bad, found);
  }
};

}  // namespace widelimit::gram::detail
