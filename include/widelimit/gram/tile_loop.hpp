/// \file
/// Computes the tiles of Gram matrices, spread over the ranks, and hands each to its sinks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "widelimit/gram/tile_evaluator.hpp"
#include "widelimit/io/tile_grid.hpp"
#include "widelimit/runtime/communicator.hpp"
#include "widelimit/runtime/stop_request.hpp"

namespace widelimit::gram {

/// A finished tile: row-major |rows| x |cols| with leading dimension `ld`. The sinks share its
/// memory, which goes back to the loop when the last copy is dropped.
template <class Real>
struct Tile {
  Index number;
  Range rows, cols;
  std::shared_ptr<Real const> nngp, ntk;  ///< null where not asked for
  Index ld;
};

/// Takes finished tiles. `accept` is local and may throw; `end_round` is collective and must be
/// reached by every rank once a round, whatever happened to its tiles.
template <class Real>
class TileSink {
 public:
  virtual ~TileSink() = default;
  /// \param stored  whether the tile comes from a checkpoint instead of being computed
  virtual void accept(Tile<Real> const& tile, bool stored) = 0;
  virtual void end_round() {}
};

/// Where tiles that an earlier run computed can be had.
template <class Real>
class TileSource {
 public:
  virtual ~TileSource() = default;
  virtual bool has(Index tile) const = 0;
  virtual void read(Index tile, Real* nngp, Real* ntk, Index ld) const = 0;
};

/// What a loop over tiles needs to know beside the evaluator.
struct TileLoopOptions {
  std::string label = "gram";  ///< for progress
};

/// Who computes which tile.
enum class Dealing {
  /// Each rank gets every so-manyth tile: for sinks whose sums, or shares of memory, depend on
  /// which tiles come to a rank.
  fixed,
  /// The next tile goes to the next rank that is free, so that none waits for slower ones.
  whoever_is_free
};

/// The unfinished tiles in order, the same on every rank, and how they are dealt out. A round is a
/// number of successive tiles after which all ranks meet: one for each rank if the dealing is fixed;
/// otherwise 64, beside which the wait for the slowest, of about a tile, is short, or as many as
/// take 16 MiB of each kernel, since sinks may have to hold them.
struct TileSchedule {
  std::vector<Index> tiles;
  int ranks = 1;
  Dealing dealing = Dealing::fixed;
  Index tiles_per_round = 1;

  Index rounds() const {
    return (static_cast<Index>(tiles.size()) + tiles_per_round - 1) / tiles_per_round;
  }
};

/// The tiles of `grid` that the loop will visit: those that `stored` does not have, or with
/// `revisit_stored` all of them, the stored ones read and handed to the sinks as well.
template <class Real>
TileSchedule schedule(io::TileGrid const& grid, int ranks, TileSource<Real> const* stored,
                      bool revisit_stored, Dealing dealing);

/// Computes (or reads) all tiles of the schedule. Collective. An error of one rank ends the loop on
/// all of them, as that error; a stop request of any rank ends it with Stopped, unless all tiles are
/// done. Either way what was handed to the sinks is theirs: the caller drains them. Memory: three
/// tiles a rank for each kernel.
template <class Real>
void for_each_tile(runtime::Communicator const& comm, TileEvaluator<Real> const& evaluate,
                   io::TileGrid const& grid, TileSchedule const& schedule,
                   TileSource<Real> const* stored, std::vector<TileSink<Real>*> const& sinks,
                   runtime::StopRequest const& stop, TileLoopOptions const& options = {});

}  // namespace widelimit::gram
