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
/// reached by every rank once a round, whatever happened to its tile.
template <class Real>
class TileSink {
 public:
  virtual ~TileSink() = default;
  /// \param stored  whether the tile comes from a checkpoint instead of being computed
  virtual void accept(Tile<Real> const& tile, bool stored) = 0;
  virtual void end_round(Index /*round*/) {}
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

/// Which tile a rank computes in which round: the unfinished tiles in order, dealt out cyclically.
/// The rounds of all ranks are equal in number; a rank may have no tile (-1) in the last one.
struct TileSchedule {
  std::vector<Index> tiles;  ///< the same on every rank
  int ranks = 1;

  Index rounds() const { return (static_cast<Index>(tiles.size()) + ranks - 1) / ranks; }
  Index tile(Index round, int rank) const {
    auto const at = static_cast<std::size_t>(round * ranks + rank);
    return at < tiles.size() ? tiles[at] : -1;
  }
};

/// The tiles of `grid` that the loop will visit: those that `stored` does not have, or with
/// `revisit_stored` all of them, the stored ones read and handed to the sinks as well.
template <class Real>
TileSchedule schedule(io::TileGrid const& grid, int ranks, TileSource<Real> const* stored,
                      bool revisit_stored);

/// Computes (or reads) all tiles of the schedule. Collective. An error of one rank ends the loop on
/// all of them, as that error; a stop request of any rank ends it with Stopped. Either way what was
/// handed to the sinks is theirs: the caller drains them. Memory: three tiles a rank for each
/// kernel.
template <class Real>
void for_each_tile(runtime::Communicator const& comm, TileEvaluator<Real> const& evaluate,
                   io::TileGrid const& grid, TileSchedule const& schedule,
                   TileSource<Real> const* stored, std::vector<TileSink<Real>*> const& sinks,
                   runtime::StopRequest const& stop, TileLoopOptions const& options = {});

}  // namespace widelimit::gram
