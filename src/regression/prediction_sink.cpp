#include "widelimit/regression/prediction_sink.hpp"

#include <cblas.h>

namespace widelimit::regression {

template <class Real>
PredictionSink<Real>::PredictionSink(linalg::ReplicatedMatrix const& alpha, Index test_points)
    : alpha_(alpha), predictions_(test_points, alpha.cols) {}

template <class Real>
void PredictionSink<Real>::accept(gram::Tile<Real> const& tile, bool) {
  Real const* const kernel = tile.ntk ? tile.ntk.get() : tile.nngp.get();
  Index const rows = tile.rows.size(), cols = tile.cols.size();
  wide_.resize(static_cast<std::size_t>(rows * cols));
  for (Index i = 0; i < rows; ++i) std::copy_n(kernel + i * tile.ld, cols, wide_.data() + i * cols);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(rows),
              static_cast<int>(alpha_.cols), static_cast<int>(cols), 1.0, wide_.data(),
              static_cast<int>(cols), alpha_.row(tile.cols.begin), static_cast<int>(alpha_.cols),
              1.0, predictions_.row(tile.rows.begin), static_cast<int>(alpha_.cols));
}

template <class Real>
linalg::ReplicatedMatrix PredictionSink<Real>::sum(runtime::Communicator const& comm) && {
  comm.sum(predictions_.values.data(), static_cast<Index>(predictions_.values.size()));
  return std::move(predictions_);
}

template class PredictionSink<float>;
template class PredictionSink<double>;

}  // namespace widelimit::regression
