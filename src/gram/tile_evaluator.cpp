#include "widelimit/gram/tile_evaluator.hpp"

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "gram/detail/position_tiles.hpp"
#include "gram/detail/tile_kernel.hpp"

namespace widelimit::gram {
namespace {

static_assert(Kokkos::SpaceAccessibility<Kokkos::HostSpace, Exec::memory_space>::accessible,
              "tiles are multiplied by OpenBLAS: a device back end needs its own product in "
              "kernels/gemm.hpp");

/// Copies the lower triangle of an n x n tile to the upper one, block by block so that both stay in
/// cache.
template <class Real>
void mirror(Real* tile, Index n, Index ld) {
  constexpr Index block = 32;
  Index const blocks = (n + block - 1) / block;
  Kokkos::parallel_for("widelimit::gram::mirror", Kokkos::RangePolicy<Exec>(0, blocks),
                       [=](Index bi) {
                         for (Index bj = 0; bj <= bi; ++bj) {
                           for (Index i = bi * block; i < Kokkos::min(n, (bi + 1) * block); ++i) {
                             for (Index j = bj * block; j < Kokkos::min(i, (bj + 1) * block); ++j)
                               tile[j * ld + i] = tile[i * ld + j];
                           }
                         }
                       });
}

/// Writes the exact values of the points that are both a row and a column. Returns how many are not
/// finite.
template <class Real, class Vector>
Index set_diagonal(Real* tile, Range rows, Range cols, Index ld, Vector const& diagonal) {
  Index const first = Kokkos::max(rows.begin, cols.begin);
  Index const last = Kokkos::max(first, Kokkos::min(rows.end, cols.end));
  Index bad = 0;
  Kokkos::parallel_reduce(
      "widelimit::gram::diagonal", Kokkos::RangePolicy<Exec>(first, last),
      [=](Index i, Index& sum) {
        tile[(i - rows.begin) * ld + (i - cols.begin)] = diagonal(i);
        sum += Kokkos::isfinite(diagonal(i)) ? 0 : 1;
      },
      bad);
  return bad;
}

}  // namespace

template <class Real>
TileEvaluator<Real>::TileEvaluator(BoundProgram<Real> program, Points<Real> const& row_points,
                                   Points<Real> const& col_points, Output output,
                                   DiagonalTiles diagonal_tiles)
    : program_(std::move(program)),
      row_points_(row_points),
      col_points_(col_points),
      output_(output),
      diagonal_tiles_(diagonal_tiles),
      workspace_(program_.positions ? std::make_shared<detail::PositionWorkspace<Real>>()
                                    : nullptr) {}

template <class Real>
void TileEvaluator<Real>::operator()(Range rows, Range cols, Real* nngp, Real* ntk,
                                     Index ld) const {
  if (!wants_nngp(output_)) nngp = nullptr;
  if (!wants_ntk(output_)) ntk = nullptr;
  bool const diagonal = &row_points_ == &col_points_ && rows == cols;
  Index bad = 0;
  if (program_.positions) {
    bad = detail::evaluate_positions(*program_.positions, row_points_, col_points_,
                                     &row_points_ == &col_points_, rows, cols, diagonal,
                                     detail::TileTarget<Real>{nngp, ntk, ld}, *workspace_);
  } else {
    using Kernel = detail::TileKernel<Real>;
    auto const epilogue = detail::epilogue_of(program_, row_points_, col_points_, nngp, ntk);
    Exec const exec;
    Index const side = Kernel::side_for(rows, cols, exec.concurrency());
    Kernel const kernel{{epilogue, side}, rows, cols, ld, diagonal};
    Kokkos::parallel_reduce("widelimit::gram::tile", kernel.policy(exec), kernel, bad);
  }
  for (Real* const tile : {nngp, ntk}) {
    if (tile == nullptr || &row_points_ != &col_points_) continue;
    bad += set_diagonal(tile, rows, cols, ld,
                        tile == nngp ? row_points_.nngp_diagonal : row_points_.ntk_diagonal);
    if (diagonal && diagonal_tiles_ == DiagonalTiles::full) mirror(tile, rows.size(), ld);
  }
  if (bad > 0) {
    throw InputError(fmt::format(
        "{} entries of the Gram tile of points {}..{} x {}..{} are not finite: the kernel "
        "overflows in {} precision; lower w_std, scale the inputs (data.inputs) or use "
        "precision: double",
        bad, rows.begin, rows.end, cols.begin, cols.end, sizeof(Real) == 8 ? "double" : "single"));
  }
}

template class TileEvaluator<float>;
template class TileEvaluator<double>;

}  // namespace widelimit::gram
