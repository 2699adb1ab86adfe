#include "widelimit/gram/tile_loop.hpp"

#include <condition_variable>
#include <mutex>

#include <mpi.h>

#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/lockstep.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/progress.hpp"

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
void end_round(runtime::Communicator const& comm, std::vector<TileSink<Real>*> const& sinks,
               Index round) {
  try {
    for (TileSink<Real>* sink : sinks) sink->end_round(round);
  } catch (std::exception const& e) {
    runtime::log_local(runtime::Level::error,
                       std::string("exchange of tiles between ranks: ") + e.what());
    MPI_Abort(comm.get(), static_cast<int>(ExitCode::failed));
  }
}

constexpr int tiles_in_flight = 3;  // one computed, one written, one waiting

}  // namespace

template <class Real>
TileSchedule schedule(io::TileGrid const& grid, int ranks, TileSource<Real> const* stored,
                      bool revisit_stored) {
  TileSchedule result{{}, ranks};
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

  double scheduled = 0;
  for (Index const number : schedule.tiles)
    scheduled += static_cast<double>(grid.entries(grid.id(number)));
  auto const total = static_cast<double>(grid.total_entries());
  double done = total - scheduled;
  runtime::Progress progress(options.label, "entries", total, done);

  std::exception_ptr error;
  bool stopped = false;
  {
    runtime::Lockstep lockstep(comm);
    for (Index round = 0; round < schedule.rounds(); ++round) {
      Index const number = schedule.tile(round, comm.rank());
      if (number >= 0 && !error) {
        try {
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
        } catch (...) {
          error = std::current_exception();
        }
      }
      end_round(comm, sinks, round);
      for (int rank = 0; rank < schedule.ranks; ++rank) {
        Index const other = schedule.tile(round, rank);
        if (other >= 0) done += static_cast<double>(grid.entries(grid.id(other)));
      }
      progress.update(done);
      auto const mine = error            ? runtime::Standing::failed
                        : stop.pending() ? runtime::Standing::stop_requested
                                         : runtime::Standing::fine;
      auto const worst = lockstep.exchange(mine);
      stopped = worst == runtime::Standing::stop_requested && round + 1 < schedule.rounds();
      if (stopped || worst == runtime::Standing::failed) break;
    }
  }
  runtime::agree(comm, [&] {
    if (error) std::rethrow_exception(error);
  });
  if (stopped) throw Stopped("stopped on " + runtime::reason_on_any_rank(comm, stop));
  progress.finish();
}

template TileSchedule schedule(io::TileGrid const&, int, TileSource<float> const*, bool);
template TileSchedule schedule(io::TileGrid const&, int, TileSource<double> const*, bool);
template void for_each_tile(runtime::Communicator const&, TileEvaluator<float> const&,
                            io::TileGrid const&, TileSchedule const&, TileSource<float> const*,
                            std::vector<TileSink<float>*> const&, runtime::StopRequest const&,
                            TileLoopOptions const&);
template void for_each_tile(runtime::Communicator const&, TileEvaluator<double> const&,
                            io::TileGrid const&, TileSchedule const&, TileSource<double> const*,
                            std::vector<TileSink<double>*> const&, runtime::StopRequest const&,
                            TileLoopOptions const&);

}  // namespace widelimit::gram
