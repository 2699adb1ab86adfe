#include "cli/tile_store.hpp"

#include "widelimit/runtime/agree.hpp"

namespace widelimit::cli {

template <class Real>
void run_loop(runtime::Communicator const& comm, gram::TileEvaluator<Real> const& evaluate,
              io::TileGrid const& grid, gram::TileSchedule const& schedule,
              gram::TileSource<Real> const* source, StoreSink<Real>* store,
              std::vector<gram::TileSink<Real>*> others, runtime::StopRequest const& stop,
              gram::TileLoopOptions const& options) {
  if (store != nullptr) others.push_back(store);
  auto const drain = [&] {
    runtime::agree(comm, [&] {
      if (store != nullptr) store->drain();
    });
  };
  try {
    gram::for_each_tile(comm, evaluate, grid, schedule, source, others, stop, options);
  } catch (...) {
    // The loop ended on all ranks alike. A writer that failed as well has nothing to add to the
    // first error.
    try {
      drain();
    } catch (Error const&) {
    }
    throw;
  }
  drain();
}

template void run_loop(runtime::Communicator const&, gram::TileEvaluator<float> const&,
                       io::TileGrid const&, gram::TileSchedule const&,
                       gram::TileSource<float> const*, StoreSink<float>*,
                       std::vector<gram::TileSink<float>*>, runtime::StopRequest const&,
                       gram::TileLoopOptions const&);
template void run_loop(runtime::Communicator const&, gram::TileEvaluator<double> const&,
                       io::TileGrid const&, gram::TileSchedule const&,
                       gram::TileSource<double> const*, StoreSink<double>*,
                       std::vector<gram::TileSink<double>*>, runtime::StopRequest const&,
                       gram::TileLoopOptions const&);

}  // namespace widelimit::cli
