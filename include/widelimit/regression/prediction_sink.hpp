/// \file
/// Predictions from tiles of the test x train kernel, which is never stored.
#pragma once

#include "widelimit/gram/tile_loop.hpp"
#include "widelimit/linalg/replicated_matrix.hpp"

namespace widelimit::regression {

/// Adds K_td·α tile by tile, in double whatever the tile's precision. After the loop every rank holds its tiles'
/// share: `sum` makes it whole.
template <class Real>
class PredictionSink final : public gram::TileSink<Real> {
 public:
  /// \param alpha  N x C; must outlive the sink
  PredictionSink(linalg::ReplicatedMatrix const& alpha, Index test_points);

  /// 2|I||J|C flops. Local.
  void accept(gram::Tile<Real> const& tile, bool stored) override;
  /// Predictions, N_test x C, on every rank. Collective.
  linalg::ReplicatedMatrix sum(runtime::Communicator const& comm) &&;

 private:
  linalg::ReplicatedMatrix const& alpha_;
  linalg::ReplicatedMatrix predictions_;
  std::vector<double> wide_;
};

}  // namespace widelimit::regression
