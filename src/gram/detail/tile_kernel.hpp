/// \file
/// The kernel that computes a tile part by part on the host.
#pragma once

#include "gram/detail/bad_entries.hpp"
#include "gram/detail/part.hpp"

namespace widelimit::gram::detail {

/// A tile in parts, a team each: no team waits for another.
template <class Real>
struct TileKernel {
  static constexpr Index smallest_side = 128;

  PartWork<Real> work;
  Range rows, cols;
  Index ld;
  bool lower_only;  ///< a tile on the diagonal: columns up to the row's own number
  BadEntries::Counter bad;

  /// The side that gives each of `threads` a few parts to work on, as far as that is sensible.
  static Index side_for(Range rows, Range cols, Index threads) {
    Index side = part_side<Real>;
    auto const parts = [&] {
      return ((rows.size() + side - 1) / side) * ((cols.size() + side - 1) / side);
    };
    while (side > smallest_side && threads > 1 && parts() < 2 * threads) side /= 2;
    return side;
  }

  Index row_parts() const { return (rows.size() + work.side - 1) / work.side; }
  Index col_parts() const { return (cols.size() + work.side - 1) / work.side; }
  PartPolicy policy(HostExec const& exec) const {
    return work.policy(exec, row_parts() * col_parts());
  }

  void operator()(PartMember const& team) const {
    Index const i = team.league_rank() / col_parts() * work.side;
    Index const j = team.league_rank() % col_parts() * work.side;
    if (lower_only && j > i) return;
    Range const part_rows{rows.begin + i, Kokkos::min(rows.end, rows.begin + i + work.side)};
    Range const part_cols{cols.begin + j, Kokkos::min(cols.end, cols.begin + j + work.side)};
    count_bad(bad, work(team, work.product_of(team), part_rows, part_cols, lower_only && i == j,
                        i * ld + j, ld));
  }
};

}  // namespace widelimit::gram::detail
