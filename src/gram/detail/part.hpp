/// \file
/// A part of a Gram matrix as the work of one thread of the host: the product of the inputs and the
/// epilogue on it, both in the core's own cache.
#pragma once

#include "widelimit/kernels/gemm.hpp"

#include "gram/detail/epilogue.hpp"

namespace widelimit::gram::detail {

using PartPolicy = Kokkos::TeamPolicy<HostExec, Kokkos::Schedule<Kokkos::Dynamic>>;
using PartMember = PartPolicy::member_type;

/// A team is one thread, within which OpenBLAS runs single-threaded.
template <class Real>
struct PartWork {
  using Scratch =
      Kokkos::View<Real*, HostExec::scratch_memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

  Epilogue<Real> epilogue;
  Index side;  ///< of the largest part; leading dimension of its product

  /// A team for each of `parts`, with scratch for registers and a product.
  PartPolicy policy(HostExec const& exec, Index parts) const {
    auto const bytes = [](std::size_t count) {
      return Kokkos::PerTeam(static_cast<int>(Scratch::shmem_size(count)));
    };
    return PartPolicy(exec, static_cast<int>(parts), 1)
        .set_scratch_size(0, bytes(epilogue.register_count()))
        .set_scratch_size(1, bytes(static_cast<std::size_t>(side * side)));
  }

  /// The team's memory for a product, side x side.
  Real* product_of(PartMember const& team) const {
    return Scratch(team.team_scratch(1), side * side).data();
  }

  /// Entries of the points `rows` x `cols`; with `lower_only` those up to the diagonal of the part.
  /// Entry (i, j) of the part goes to position at + i·ld + j of the epilogue's results, which may be
  /// those of `product` itself. Returns how many are not finite.
  Index operator()(PartMember const& team, Real* product, Range rows, Range cols, bool lower_only,
                   Index at, Index ld) const {
    auto const d = static_cast<Index>(epilogue.x.extent(1));
    kernels::multiply_transposed(epilogue.x.data() + rows.begin * d,
                                 epilogue.y.data() + cols.begin * d, product, rows.size(),
                                 cols.size(), d, side);
    Scratch const registers(team.team_scratch(0), epilogue.register_count());
    Index bad = 0;
    // Row after row for the same columns, whose coefficients stay in cache.
    for (Index j = 0; j < cols.size(); j += epilogue.width) {
      Index const block_end = Kokkos::min(cols.size(), j + Index{epilogue.width});
      for (Index i = 0; i < rows.size(); ++i) {
        Index const end = lower_only ? Kokkos::min(block_end, i + 1) : block_end;
        epilogue.prefetch(at + (i + 1) * ld + j, end - j);
        if (j >= end) continue;
        bad += epilogue(kernels::HostMember{}, registers.data(), product + i * side + j,
                        rows.begin + i, {cols.begin + j, cols.begin + end}, at + i * ld + j);
      }
    }
    return bad;
  }
};

}  // namespace widelimit::gram::detail
