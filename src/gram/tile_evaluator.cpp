#include "widelimit/gram/tile_evaluator.hpp"

#include "gram/detail/staging.hpp"
#include "gram/detail/tile_work.hpp"

namespace widelimit::gram {
namespace detail {

/// On the host entries are made where they are wanted; on a GPU they pass through its memory.
template <class Real>
class HostTiles {
 public:
  HostTiles(BoundProgram<Real> program, Points<Real> const& row_points,
            Points<Real> const& col_points)
      : work_(std::move(program), row_points, col_points), same_(&row_points == &col_points) {}

  void operator()(Range rows, Range cols, DiagonalTiles diagonal_tiles, Real* nngp, Real* ntk,
                  Index ld) {
    if constexpr (kernels::exec_is_host) {
      work_(rows, cols, diagonal_tiles, {nngp, ntk, ld});
    } else {
      Index const height = rows.size(), width = cols.size();
      auto const on_device = [&](Real const* wanted, Staging<Real>& staging) {
        return wanted == nullptr ? nullptr : staging.reserve(height * width);
      };
      work_(rows, cols, diagonal_tiles, {on_device(nngp, nngp_), on_device(ntk, ntk_), width});
      bool const lower = same_ && rows == cols && diagonal_tiles == DiagonalTiles::lower;
      if (nngp != nullptr) nngp_.to_host(height, width, lower, nngp, ld);
      if (ntk != nullptr) ntk_.to_host(height, width, lower, ntk, ld);
    }
  }

 private:
  TileWork<Real> work_;
  bool same_;
  Staging<Real> nngp_, ntk_;
};

}  // namespace detail

template <class Real>
TileEvaluator<Real>::TileEvaluator(BoundProgram<Real> program, Points<Real> const& row_points,
                                   Points<Real> const& col_points, Output output,
                                   DiagonalTiles diagonal_tiles)
    : row_points_(row_points),
      col_points_(col_points),
      output_(output),
      diagonal_tiles_(diagonal_tiles),
      tiles_(
          std::make_shared<detail::HostTiles<Real>>(std::move(program), row_points, col_points)) {}

template <class Real>
void TileEvaluator<Real>::operator()(Range rows, Range cols, Real* nngp, Real* ntk,
                                     Index ld) const {
  (*tiles_)(rows, cols, diagonal_tiles_, wants_nngp(output_) ? nngp : nullptr,
            wants_ntk(output_) ? ntk : nullptr, ld);
}

template class TileEvaluator<float>;
template class TileEvaluator<double>;

}  // namespace widelimit::gram
