#include "widelimit/gram/tile_loop.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include <mpi.h>

#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/lockstep.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/progress.hpp"
#include "widelimit/runtime/shared_counter.hpp"

namespace widelimit::gram {
namespace {

/// Tile memory that comes back when the sinks are done with it; `take` waits for that when all is
/// out.
template <class Real>
class BufferPool {
 public:
  BufferPool(int count, Index entries) {
    for (int k = 0; k < count; ++k)
      free_.push_back(std::make_unique_for_overwrite<Real[]>(entries));
  }
  ~BufferPool() {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return out_ == 0; });
  }
  BufferPool(BufferPool const&) = delete;
  BufferPool& operator=(BufferPool const&) = delete;

  std::shared_ptr<Real> take() {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return !free_.empty(); });
    Real* const memory = free_.back().release();
    free_.pop_back();
    ++out_;
    return {memory, [this](Real* p) {
              // Notified under the lock: the pool may be gone as soon as it is released.
              std::lock_guard const guard(mutex_);
              free_.emplace_back(p);
              --out_;
              returned_.notify_all();
            }};
  }

 private:
  std::vector<std::unique_ptr<Real[]>> free_;
  int out_ = 0;
  std::mutex mutex_;
  std::condition_variable returned_;
};

/// An error in here cannot be agreed on, as the other ranks wait inside the exchange that this one
/// has left: it ends them all.
template <class Real>
void end_round(runtime::Communicator const& comm, std::vector<TileSink<Real>*> const& sinks) {
  try {
    for (TileSink<Real>* sink : sinks) sink->end_round();
  } catch (std::exception const& e) {
    runtime::log_local(runtime::Level::error,
                       std::string("exchange of tiles between ranks: ") + e.what());
    MPI_Abort(comm.get(), static_cast<int>(ExitCode::failed));
  }
}

constexpr int tiles_in_flight = 3;  // one computed, one written, one waiting
constexpr Index round_bytes = Index{16} * 1024 * 1024, most_tiles_in_round = 64;  // of a rank

/// This rank's places in the order of the tiles, one after the other.
class Places {
 public:
  Places(runtime::Communicator const& comm, TileSchedule const& schedule)
      : step_(schedule.ranks), next_(comm.rank()) {
    if (schedule.dealing == Dealing::fixed || schedule.ranks == 1) return;
    counter_.emplace(comm);
    next_ = counter_->take();
  }

  /// Where this rank is to go on; beyond the last tile if nothing is left for it.
  Index next() const { return next_; }
  void advance() { next_ = counter_ ? counter_->take() : next_ + step_; }
  /// No rank is to begin more, as far as the dealing can tell the others.
  void close() {
    if (counter_) counter_->close();
  }

 private:
  std::optional<runtime::SharedCounter> counter_;
  Index step_, next_;
};

/// Entries of the tiles before each place, and in all.
std::vector<double> entries_before(io::TileGrid const& grid, std::vector<Index> const& tiles) {
  std::vector<double> sums{0};
  for (Index const number : tiles)
    sums.push_back(sums.back() + static_cast<double>(grid.entries(grid.id(number))));
  return sums;
}

}  // namespace

template <class Real>
TileSchedule schedule(io::TileGrid const& grid, int ranks, TileSource<Real> const* stored,
                      bool revisit_stored, Dealing dealing) {
  TileSchedule result{{}, ranks, dealing, ranks};
  if (dealing == Dealing::whoever_is_free) {
    Index const tile_bytes = grid.tile * grid.tile * static_cast<Index>(sizeof(Real));
    result.tiles_per_round *= std::clamp<Index>(round_bytes / tile_bytes, 1, most_tiles_in_round);
  }
  for (Index number = 0; number < grid.count(); ++number) {
    if (revisit_stored || stored == nullptr || !stored->has(number)) result.tiles.push_back(number);
  }
  return result;
}

template <class Real>
void for_each_tile(runtime::Communicator const& comm, TileEvaluator<Real> const& evaluate,
                   io::TileGrid const& grid, TileSchedule const& schedule,
                   TileSource<Real> const* stored, std::vector<TileSink<Real>*> const& sinks,
                   runtime::StopRequest const& stop, TileLoopOptions const& options) {
  Output const output = evaluate.output();
  BufferPool<Real> pool(tiles_in_flight * (output == Output::both ? 2 : 1), grid.tile * grid.tile);
  auto const visit = [&](Index number) {
    auto const id = grid.id(number);
    auto const nngp = wants_nngp(output) ? pool.take() : nullptr;
    auto const ntk = wants_ntk(output) ? pool.take() : nullptr;
    Range const rows = grid.row_range(id), cols = grid.col_range(id);
    bool const from_store = stored != nullptr && stored->has(number);
    if (from_store) {
      stored->read(number, nngp.get(), ntk.get(), grid.tile);
    } else {
      evaluate(rows, cols, nngp.get(), ntk.get(), grid.tile);
    }
    Tile<Real> const tile{number, rows, cols, nngp, ntk, grid.tile};
    for (TileSink<Real>* sink : sinks) sink->accept(tile, from_store);
  };

  auto const count = static_cast<Index>(schedule.tiles.size());
  auto const before = entries_before(grid, schedule.tiles);
  auto const total = static_cast<double>(grid.total_entries());
  double const begun_with = total - before.back();
  runtime::Progress progress(options.label, "entries", total, begun_with);

  std::exception_ptr error;
  Index visited = 0;
  {
    Places places(comm, schedule);
    runtime::Lockstep lockstep(comm);
    for (Index round = 0; round < schedule.rounds(); ++round) {
      Index const end = std::min(count, (round + 1) * schedule.tiles_per_round);
      for (; places.next() < end && !error && !stop.pending(); places.advance()) {
        progress.update(begun_with + before[static_cast<std::size_t>(places.next())]);
        try {
          visit(schedule.tiles[static_cast<std::size_t>(places.next())]);
          ++visited;
        } catch (...) {
          error = std::current_exception();
        }
      }
      auto const mine = error            ? runtime::Standing::failed
                        : stop.pending() ? runtime::Standing::stop_requested
                                         : runtime::Standing::fine;
      if (mine != runtime::Standing::fine) places.close();
      end_round(comm, sinks);
      if (lockstep.exchange(mine) != runtime::Standing::fine) break;
    }
  }
  runtime::agree(comm, [&] {
    if (error) std::rethrow_exception(error);
  });
  if (comm.sum(visited) < count)
    throw Stopped("stopped on " + runtime::reason_on_any_rank(comm, stop));
  progress.update(total);
  progress.finish();
}

template TileSchedule schedule(io::TileGrid const&, int, TileSource<float> const*, bool, Dealing);
template TileSchedule schedule(io::TileGrid const&, int, TileSource<double> const*, bool, Dealing);
template void for_each_tile(runtime::Communicator const&, TileEvaluator<float> const&,
                            io::TileGrid const&, TileSchedule const&, TileSource<float> const*,
                            std::vector<TileSink<float>*> const&, runtime::StopRequest const&,
                            TileLoopOptions const&);
template void for_each_tile(runtime::Communicator const&, TileEvaluator<double> const&,
                            io::TileGrid const&, TileSchedule const&, TileSource<double> const*,
                            std::vector<TileSink<double>*> const&, runtime::StopRequest const&,
                            TileLoopOptions const&);

}  // namespace widelimit::gram
