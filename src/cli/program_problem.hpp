/// \file
/// What a training program is given: data as its scalars, steps, batches.
#pragma once

#include "widelimit/interpreter/training_run.hpp"
#include "widelimit/program/training.hpp"

#include "cli/problem.hpp"

namespace widelimit::cli {

/// The options that `limit` and `finite` share; null for other jobs.
ProgramOptions const* program_options(Job const& job);

/// The task of a job whose outputs and rows of the inputs are known.
program::TrainingTask make_task(InputFile const& input, DataShapes const& shapes, Index outputs,
                                Index input_rows);

/// The program of a task, or the one that the input file writes out. Local. Throws InputError where
/// it does not fit the data.
program::TrainingProgram program_of(InputFile const& input, program::TrainingTask const& task);

/// The program of a job with its data.
struct ProgramProblem {
  program::TrainingProgram compiled;
  interpreter::NamedScalars data;
  interpreter::Small targets;  ///< outputs x training points
  bool has_test_targets = false;
  bool classes = false;
};

/// Reads the data and compiles the program. Collective. Throws InputError: data, networks and
/// parametrizations that do not fit.
ProgramProblem load_program(runtime::Communicator const& comm, InputFile const& input,
                            DataShapes const& shapes);

/// Learning rates and batches of all steps. Points of an epoch come in an order that depends on the
/// seed alone; those that fill no whole batch are left out. Local.
interpreter::TrainingSchedule make_schedule(ProgramOptions const& options, Index points);

/// How each of the runs of a job is executed: `number` 0 … replicates-1, then those with half the
/// particles. Local.
interpreter::ExecutorOptions executor_options(ProgramOptions const& options, Index number);

}  // namespace widelimit::cli
