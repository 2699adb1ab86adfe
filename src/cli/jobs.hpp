/// \file
/// The table of jobs: all that the program knows of a job without being that job.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "widelimit/cli/input_file.hpp"
#include "widelimit/runtime/communicator.hpp"

#include "cli/problem.hpp"
#include "cli/resources.hpp"

namespace widelimit::cli {

struct RunContext;

/// What a job's planner is given.
struct PlanRequest {
  runtime::Communicator const& comm;
  InputFile const& input;
  DataShapes const& shapes;
};

/// A job, by its functions. Where they stand: `read` and `sections` in JOB_options.cpp, `plan` in
/// JOB_plan.cpp or beside the driver, `run` in JOB_job.cpp.
struct JobKind {
  std::string_view name;  ///< `job.type`
  Job (*read)(io::YamlNode const& map);
  std::vector<KeySection> (*sections)();
  /// Throws InputError where the job does not fit the other sections of the file; data files are
  /// not opened yet. Null: it always does.
  void (*check)(InputFile const& input);
  /// Whether targets are read.
  bool uses_targets;
  /// Whether the results file under way is the checkpoint, so that `checkpoint.file` is not used.
  bool results_are_checkpoint;
  /// Adds what the job needs to a plan that has tile size and memory limit already. Collective.
  void (*plan)(PlanRequest const& request, ResourcePlan& plan);
  /// Computes and writes the results. Collective.
  void (*run)(RunContext& context);
};

/// All jobs that are built, in the order of the alternatives of `Job`.
std::span<JobKind const> all_jobs();

JobKind const& kind_of(Job const& job);

}  // namespace widelimit::cli
