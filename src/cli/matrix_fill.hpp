/// \file
/// Distributed matrices of kernels, filled tile by tile.
#pragma once

#include "widelimit/gram/block_cyclic_sink.hpp"

#include "cli/run_context.hpp"
#include "cli/tile_store.hpp"

namespace widelimit::cli {

/// Computes the tiles of `grid` (or takes those that `source` has) and sends them to the owners of
/// their blocks, and to `store`. Collective. Throws Stopped.
/// \param kernel  takes K or Θ, as `which` says  \param nngp  takes K beside it; may be null
/// \param source, store  of a checkpoint; may be null
template <class Real, class Solve>
void fill_matrices(RunContext const& context, gram::TileEvaluator<Real> const& evaluate,
                   io::TileGrid const& grid, gram::Kernel which,
                   linalg::DistributedMatrix<Solve>& kernel, linalg::DistributedMatrix<Solve>* nngp,
                   gram::TileSource<Real> const* source, StoreSink<Real>* store,
                   std::string const& label) {
  auto const schedule = gram::schedule<Real>(grid, context.comm.size(), source, true);
  gram::BlockCyclicSink<Real, Solve> kernel_sink(kernel, grid, schedule, which);
  std::vector<gram::TileSink<Real>*> sinks{&kernel_sink};
  std::optional<gram::BlockCyclicSink<Real, Solve>> nngp_sink;
  if (nngp != nullptr)
    sinks.push_back(&nngp_sink.emplace(*nngp, grid, schedule, gram::Kernel::nngp));
  run_loop<Real>(context.comm, evaluate, grid, schedule, source, store, sinks, context.stop,
                 {.label = label});
}

}  // namespace widelimit::cli
