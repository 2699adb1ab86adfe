#include "cli/run_context.hpp"

#include <filesystem>

#include <Kokkos_Core.hpp>

#include "widelimit/runtime/environment.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/memory.hpp"
#include "widelimit/runtime/version.hpp"

namespace widelimit::cli {

io::Identity RunContext::matrix_identity() const {
  return {io::canonical_text(input.matrix_identity()), runtime::program_version()};
}

io::Identity RunContext::job_identity() const {
  return {io::canonical_text(input.job_identity()), runtime::program_version()};
}

io::TileFile RunContext::open_tiles(std::string const& name, std::vector<io::MatrixSpec> specs) {
  Index const found = comm.is_root() && command.resume && std::filesystem::exists(name) ? 1 : 0;
  if (comm.max(found) == 0)
    return io::TileFile::create(comm, name, matrix_identity(), specs, existing());
  if (input.resources.tile == ResourceOptions::automatic) {
    auto const stored = io::TileFile::stored_specs(comm, name);
    if (!stored.empty()) plan.tile = stored.front().grid.tile;
    for (auto& spec : specs) spec.grid.tile = plan.tile;
  }
  auto const on_corrupt = input.checkpoint.on_corrupt == CheckpointOptions::OnCorrupt::recompute
                              ? io::OnCorrupt::recompute
                              : io::OnCorrupt::refuse;
  auto tiles = io::TileFile::resume(comm, name, matrix_identity(), specs, on_corrupt);
  Index finished = 0, all = 0;
  for (int m = 0; m < tiles.matrices(); ++m) {
    finished += tiles.finished_count(m);
    all += tiles.spec(m).grid.count();
  }
  runtime::log(runtime::Level::info,
               fmt::format("going on from {}: {} of {} tiles are there", name, finished, all));
  return tiles;
}

void RunContext::compute_tiles(io::TileFile& tiles, std::function<void()> const& compute) const {
  try {
    compute();
  } catch (Error const& e) {
    tiles.refresh();
    Index finished = 0;
    for (int m = 0; m < tiles.matrices(); ++m) finished += tiles.finished_count(m);
    if (finished == 0 && e.code() != ExitCode::stopped) std::move(tiles).discard();
    throw;
  }
}

void RunContext::stop_if_asked() const {
  auto const reason = runtime::reason_on_any_rank(comm, stop);
  if (!reason.empty()) throw Stopped("stopped on " + reason);
}

io::RunRecord RunContext::record() const {
  io::RunRecord run;
  run.input = input.recorded_text();
  run.program_version = runtime::program_version();
  run.threads = runtime::Environment::threads();
  run.execution_space = Kokkos::DefaultExecutionSpace::name();
  run.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  run.peak_rss_bytes = runtime::peak_rss_bytes();
  run.timings = timings;
  return run;
}

}  // namespace widelimit::cli
