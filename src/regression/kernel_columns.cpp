#include "widelimit/regression/kernel_columns.hpp"

#include <algorithm>

#include "widelimit/gram/select_points.hpp"
#include "widelimit/gram/tile_evaluator.hpp"

namespace widelimit::regression {

template <class Real>
EvaluatedColumns<Real>::EvaluatedColumns(gram::BoundProgram<Real> program,
                                         gram::Points<Real> const& points, gram::Kernel kernel)
    : program_(std::move(program)),
      points_(points),
      kernel_(kernel),
      diagonal_(Kokkos::create_mirror_view_and_copy(
          Kokkos::HostSpace{},
          kernel == gram::Kernel::nngp ? points.nngp_diagonal : points.ntk_diagonal)) {}

template <class Real>
void EvaluatedColumns<Real>::evaluate(Range rows, std::vector<Index> const& columns,
                                      Real* to) const {
  auto const chosen = gram::select_points(points_, columns);
  bool const nngp = kernel_ == gram::Kernel::nngp;
  gram::TileEvaluator<Real> const evaluate_tile(program_, points_, chosen, gram::only(kernel_));
  auto const width = static_cast<Index>(columns.size());
  constexpr Index height = 4096;
  for (Index begin = rows.begin; begin < rows.end; begin += height) {
    Range const part{begin, std::min(rows.end, begin + height)};
    Real* const tile = to + (begin - rows.begin) * width;
    evaluate_tile(part, {0, width}, nngp ? tile : nullptr, nngp ? nullptr : tile, width);
  }
  for (Index k = 0; k < width; ++k) {
    Index const row = columns[static_cast<std::size_t>(k)];
    if (row >= rows.begin && row < rows.end) to[(row - rows.begin) * width + k] = diagonal_(row);
  }
}

template <class Real>
void EvaluatedColumns<Real>::evaluate_square(std::vector<Index> const& points, Real* to) const {
  auto const chosen = gram::select_points(points_, points);
  bool const nngp = kernel_ == gram::Kernel::nngp;
  auto const size = static_cast<Index>(points.size());
  gram::TileEvaluator<Real>(program_, chosen, chosen, gram::only(kernel_))(
      {0, size}, {0, size}, nngp ? to : nullptr, nngp ? nullptr : to, size);
}

template class EvaluatedColumns<float>;
template class EvaluatedColumns<double>;

}  // namespace widelimit::regression
