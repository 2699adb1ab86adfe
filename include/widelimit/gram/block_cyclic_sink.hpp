/// \file
/// Moves tiles, as they are computed, to the ranks that hold their blocks of a distributed matrix.
#pragma once

#include <vector>

#include "widelimit/gram/kernel.hpp"
#include "widelimit/gram/tile_loop.hpp"
#include "widelimit/linalg/distributed_matrix.hpp"

namespace widelimit::gram {

/// Fills a block-cyclic matrix from tiles: at the end of each round every rank sends the blocks of
/// its tiles to their owners, so that no rank ever holds more than its share and the tiles of a
/// round. Tiles of a triangular grid fill the blocks on and below the diagonal.
/// \tparam Real   of the tiles
/// \tparam Solve  of the matrix (wider in mixed precision)
template <class Real, class Solve>
class BlockCyclicSink final : public TileSink<Real> {
 public:
  /// \param matrix  shape of `grid`; must outlive the sink. Tiles and blocks need not fit.
  BlockCyclicSink(linalg::DistributedMatrix<Solve>& matrix, io::TileGrid const& grid,
                  Kernel kernel);

  /// Packs the tile's blocks for their owners. Local.
  void accept(Tile<Real> const& tile, bool stored) override;
  /// Exchanges the packed blocks. Collective.
  void end_round() override;

 private:
  struct Block {
    Range rows, cols;
    int owner;
  };
  /// The blocks of a tile, in the order in which sender and receiver go through them.
  std::vector<Block> blocks_of(Index tile) const;

  linalg::DistributedMatrix<Solve>& matrix_;
  io::TileGrid grid_;
  Kernel kernel_;
  std::vector<Index> packed_;                ///< tiles since the last exchange
  std::vector<std::vector<Real>> outgoing_;  ///< by destination
};

}  // namespace widelimit::gram
