/// \file
/// Tiles to and from a tile file: what lies between the tile loop and the disk.
#pragma once

#include <chrono>

#include "widelimit/gram/tile_loop.hpp"
#include "widelimit/io/async_tile_writer.hpp"
#include "widelimit/io/tile_file.hpp"

namespace widelimit::cli {

/// Which matrices of a tile file hold the kernels of a loop; -1: not stored.
struct StoredMatrices {
  int nngp = -1;
  int ntk = -1;
};

/// Writes tiles while the next ones are computed, and makes sure now and then that they are on the
/// disk.
template <class Real>
class StoreSink final : public gram::TileSink<Real> {
 public:
  StoreSink(io::TileFile& file, StoredMatrices matrices, std::chrono::duration<double> sync_every)
      : file_(file), matrices_(matrices), writer_(file), sync_every_(sync_every) {}

  void accept(gram::Tile<Real> const& tile, bool stored) override {
    if (stored) return;
    if (matrices_.nngp >= 0) writer_.submit(matrices_.nngp, tile.number, tile.nngp, tile.ld);
    if (matrices_.ntk >= 0) writer_.submit(matrices_.ntk, tile.number, tile.ntk, tile.ld);
    if (std::chrono::steady_clock::now() - last_sync_ < sync_every_) return;
    file_.sync();
    last_sync_ = std::chrono::steady_clock::now();
  }

  /// Waits until all tiles are written. Local; throws the writer's error.
  void drain() { writer_.drain(); }

 private:
  io::TileFile& file_;
  StoredMatrices matrices_;
  io::AsyncTileWriter writer_;
  std::chrono::duration<double> sync_every_;
  std::chrono::steady_clock::time_point last_sync_ = std::chrono::steady_clock::now();
};

/// Tiles that an earlier run finished. The set is fixed when it is made, so that all ranks schedule
/// alike.
template <class Real>
class StoreSource final : public gram::TileSource<Real> {
 public:
  StoreSource(io::TileFile const& file, StoredMatrices matrices)
      : file_(file), matrices_(matrices) {
    int const any = matrices.nngp >= 0 ? matrices.nngp : matrices.ntk;
    for (Index tile = 0; tile < file.spec(any).grid.count(); ++tile) {
      bool const nngp = matrices.nngp < 0 || file.finished(matrices.nngp, tile);
      bool const ntk = matrices.ntk < 0 || file.finished(matrices.ntk, tile);
      finished_.push_back(nngp && ntk);
    }
  }

  bool has(Index tile) const override { return finished_[static_cast<std::size_t>(tile)]; }
  void read(Index tile, Real* nngp, Real* ntk, Index ld) const override {
    if (matrices_.nngp >= 0) file_.read(matrices_.nngp, tile, nngp, ld);
    if (matrices_.ntk >= 0) file_.read(matrices_.ntk, tile, ntk, ld);
  }

 private:
  io::TileFile const& file_;
  StoredMatrices matrices_;
  std::vector<bool> finished_;
};

/// Runs a tile loop whose tiles go to `store` (if any) and `others`; whatever ends the loop, what
/// was computed is on its way to the disk when this returns or throws. Collective.
template <class Real>
void run_loop(runtime::Communicator const& comm, gram::TileEvaluator<Real> const& evaluate,
              io::TileGrid const& grid, gram::TileSchedule const& schedule,
              gram::TileSource<Real> const* source, StoreSink<Real>* store,
              std::vector<gram::TileSink<Real>*> others, runtime::StopRequest const& stop,
              gram::TileLoopOptions const& options);

}  // namespace widelimit::cli
