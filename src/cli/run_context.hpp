/// \file
/// What every job driver is given.
#pragma once

#include <chrono>
#include <functional>

#include "widelimit/cli/command_line.hpp"
#include "widelimit/io/identity.hpp"
#include "widelimit/io/results_file.hpp"
#include "widelimit/io/tile_file.hpp"
#include "widelimit/runtime/region.hpp"
#include "widelimit/runtime/stop_request.hpp"

#include "cli/problem.hpp"
#include "cli/resources.hpp"

namespace widelimit::cli {

/// The surroundings of a job: who computes, what was asked, what will be needed.
struct RunContext {
  runtime::Communicator comm;
  CommandLine command;
  InputFile input;
  DataShapes shapes;
  ResourcePlan plan;
  runtime::StopRequest const& stop;
  runtime::Timings timings;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();

  io::Existing existing() const {
    return command.overwrite ? io::Existing::replace : io::Existing::refuse;
  }
  /// Which run the tiles of a checkpoint belong to, and which the state of a solver.
  io::Identity matrix_identity() const;
  io::Identity job_identity() const;
  /// Opens the tile file `name`: goes on with it where --resume asks for that and it is there,
  /// makes it otherwise. The tile size of a file that is gone on with replaces an automatic one in
  /// `plan`. Collective.
  io::TileFile open_tiles(std::string const& name, std::vector<io::MatrixSpec> specs);
  /// Calls `compute`, which is collective and fails on all ranks alike. Where it fails before any
  /// tile is finished the file is deleted, as nothing in it is worth going on from; unless it was
  /// `compute` that was asked to stop. Collective.
  void compute_tiles(io::TileFile& tiles, std::function<void()> const& compute) const;
  /// Throws Stopped on all ranks where any was asked to end. Collective.
  void stop_if_asked() const;
  /// What the results file says of this run. Collective in that the peak memory is reduced when it
  /// is written.
  io::RunRecord record() const;
};

}  // namespace widelimit::cli
