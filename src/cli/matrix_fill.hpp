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
  auto const schedule =
      gram::schedule<Real>(grid, context.comm.size(), source, true, gram::Dealing::whoever_is_free);
  gram::BlockCyclicSink<Real, Solve> kernel_sink(kernel, grid, which);
  std::vector<gram::TileSink<Real>*> sinks{&kernel_sink};
  std::optional<gram::BlockCyclicSink<Real, Solve>> nngp_sink;
  if (nngp != nullptr) sinks.push_back(&nngp_sink.emplace(*nngp, grid, gram::Kernel::nngp));
  run_loop<Real>(context.comm, evaluate, grid, schedule, source, store, sinks, context.stop,
                 {.label = label});
}

/// The lower tiles of the training kernel.
inline io::TileGrid train_grid(RunContext const& context) {
  return {context.shapes.train, context.shapes.train, context.plan.tile, io::Coverage::lower};
}

/// Opens the tile file `name` for the kernels `output` of the training points, and says in `stored`
/// where they are in it. Collective.
template <class Real>
io::TileFile open_train_tiles(RunContext& context, std::string const& name, gram::Output output,
                              StoredMatrices& stored) {
  std::vector<io::MatrixSpec> specs;
  auto const add = [&](char const* path) {
    specs.push_back({path, train_grid(context), sizeof(Real) == 4, {"train_point", "train_point"}});
    return static_cast<int>(specs.size()) - 1;
  };
  if (gram::wants_nngp(output)) stored.nngp = add("/gram/nngp");
  if (gram::wants_ntk(output)) stored.ntk = add("/gram/ntk");
  return context.open_tiles(name, std::move(specs));
}

/// Fills the training kernel (`which`), and K beside it where `nngp` is not null, by way of the
/// tile file of the job's checkpoint where it has one. Collective. Throws Stopped.
/// \return  the tile file, for the job to discard when it is done
template <class Real, class Solve>
std::optional<io::TileFile> fill_train_matrices(RunContext& context, Problem<Real> const& problem,
                                                gram::Kernel which,
                                                linalg::DistributedMatrix<Solve>& kernel,
                                                linalg::DistributedMatrix<Solve>* nngp) {
  runtime::Region const region(context.timings, "gram");
  auto const output = nngp != nullptr ? gram::Output::both : gram::only(which);
  gram::TileEvaluator<Real> const evaluate(problem.program, problem.train, problem.train, output,
                                           gram::DiagonalTiles::lower);
  auto const fill = [&](gram::TileSource<Real> const* source, StoreSink<Real>* store) {
    fill_matrices<Real, Solve>(context, evaluate, train_grid(context), which, kernel, nngp, source,
                               store, "gram");
  };
  std::optional<io::TileFile> tiles;
  if (!context.input.checkpoint.enabled) {
    fill(nullptr, nullptr);
    return tiles;
  }
  StoredMatrices stored;
  tiles.emplace(open_train_tiles<Real>(
      context, checkpoint_path(context.input.checkpoint, context.input.output.file), output,
      stored));
  context.compute_tiles(*tiles, [&] {
    StoreSource<Real> const source(*tiles, stored);
    StoreSink<Real> store(*tiles, stored, context.input.checkpoint.every);
    fill(&source, &store);
  });
  return tiles;
}

}  // namespace widelimit::cli
