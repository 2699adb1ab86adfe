#include "gram/detail/tile_work.hpp"

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "gram/detail/device_tile_kernel.hpp"
#include "gram/detail/tile_kernel.hpp"

namespace widelimit::gram::detail {
namespace {

/// Copies the lower triangle of an n x n tile to the upper one, block by block so that both stay in
/// cache.
template <class Real>
void mirror(Real* tile, Index n, Index ld) {
  constexpr Index block = kernels::exec_is_host ? 32 : 1;
  Index const blocks = (n + block - 1) / block;
  Kokkos::parallel_for(
      "widelimit::gram::mirror",
      Kokkos::MDRangePolicy<Exec, Kokkos::Rank<2>, Kokkos::IndexType<Index>>({0, 0},
                                                                             {blocks, blocks}),
      KOKKOS_LAMBDA(Index bi, Index bj) {
        if (bj > bi) return;
        for (Index i = bi * block; i < Kokkos::min(n, (bi + 1) * block); ++i) {
          for (Index j = bj * block; j < Kokkos::min(i, (bj + 1) * block); ++j)
            tile[j * ld + i] = tile[i * ld + j];
        }
      });
}

/// Writes the exact values of the points that are both a row and a column.
template <class Real, class Vector>
void set_diagonal(Real* tile, Range rows, Range cols, Index ld, Vector const& diagonal,
                  BadEntries::Counter const& bad) {
  Index const first = Kokkos::max(rows.begin, cols.begin);
  Index const last = Kokkos::max(first, Kokkos::min(rows.end, cols.end));
  Kokkos::parallel_for(
      "widelimit::gram::diagonal", Kokkos::RangePolicy<Exec>(first, last), KOKKOS_LAMBDA(Index i) {
        tile[(i - rows.begin) * ld + (i - cols.begin)] = diagonal(i);
        count_bad(bad, Kokkos::isfinite(diagonal(i)) ? 0 : 1);
      });
}

}  // namespace

template <class Real>
TileWork<Real>::TileWork(BoundProgram<Real> program, Points<Real> const& row_points,
                         Points<Real> const& col_points)
    : program_(std::move(program)), row_points_(row_points), col_points_(col_points) {
  if constexpr (!kernels::exec_is_host) blas_.emplace();
}

template <class Real>
void TileWork<Real>::entries(Range rows, Range cols, bool lower_only,
                             TileTarget<Real> const& target, BadEntries const& bad) {
  if (program_.positions) {
    return evaluate_positions(*program_.positions, row_points_, col_points_,
                              &row_points_ == &col_points_, rows, cols, lower_only, target, bad,
                              workspace_);
  }
  auto const epilogue = epilogue_of(program_, row_points_, col_points_, target.nngp, target.ntk);
  if constexpr (kernels::exec_is_host) {
    using Kernel = TileKernel<Real>;
    HostExec const exec;
    Index const side = Kernel::side_for(rows, cols, exec.concurrency());
    Kernel const kernel{{epilogue, side}, rows, cols, target.ld, lower_only, bad.counter()};
    Kokkos::parallel_for("widelimit::gram::tile", kernel.policy(exec), kernel);
  } else {
    Real* const correlations = target.ntk != nullptr ? target.ntk : target.nngp;
    Index const d = row_points_.d;
    blas_->multiply_transposed(row_points_.unit_rows.data() + rows.begin * d,
                               col_points_.unit_rows.data() + cols.begin * d, correlations,
                               rows.size(), cols.size(), d, target.ld);
    DeviceTileKernel<Real> const kernel{epilogue,  correlations, rows,         cols,
                                        target.ld, lower_only,   bad.counter()};
    Kokkos::parallel_for("widelimit::gram::tile", kernel.policy(), kernel);
  }
}

template <class Real>
void TileWork<Real>::operator()(Range rows, Range cols, DiagonalTiles diagonal_tiles,
                                TileTarget<Real> const& target) {
  bool const same = &row_points_ == &col_points_;
  bool const diagonal = same && rows == cols;
  BadEntries const bad_entries;
  entries(rows, cols, diagonal, target, bad_entries);
  auto const complete = [&](Real* tile, auto const& values) {
    if (tile == nullptr || !same) return;
    set_diagonal(tile, rows, cols, target.ld, values, bad_entries.counter());
    if (diagonal && diagonal_tiles == DiagonalTiles::full) mirror(tile, rows.size(), target.ld);
  };
  complete(target.nngp, row_points_.nngp_diagonal);
  complete(target.ntk, row_points_.ntk_diagonal);
  Exec().fence("widelimit::gram::tile");
  if (Index const bad = bad_entries.total(); bad > 0) {
    throw InputError(fmt::format(
        "{} entries of the Gram tile of points {}..{} x {}..{} are not finite: the kernel "
        "overflows in {} precision; lower w_std, scale the inputs (data.inputs) or use "
        "precision: double",
        bad, rows.begin, rows.end, cols.begin, cols.end, sizeof(Real) == 8 ? "double" : "single"));
  }
}

template class TileWork<float>;
template class TileWork<double>;

}  // namespace widelimit::gram::detail
