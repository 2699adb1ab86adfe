/// \file
/// The program: reads the command line and the input file, and starts the job.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "widelimit/cli/command_line.hpp"
#include "widelimit/io/describe.hpp"
#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/environment.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/check.hpp"
#include "cli/jobs.hpp"
#include "cli/run_context.hpp"

namespace {

using namespace widelimit;
using cli::CommandLine;

void print(runtime::Communicator const& comm, std::string const& text) {
  if (comm.is_root()) std::fputs(text.c_str(), stdout);
}

void run_job(runtime::Communicator const& comm, CommandLine const& command) {
  runtime::StopRequest const stop(command.max_time);
  cli::InputFile input = cli::read_input(comm, command.file, command.overrides);
  if (!command.output.empty()) input.output.file = command.output;
  cli::require_separate_files(input);
  auto const shapes = cli::inspect_data(comm, input);
  auto plan = cli::plan_resources(comm, input, shapes);
  if (command.command == CommandLine::Command::check) {
    print(comm, cli::check_report(comm, input, shapes, plan));
    cli::require_memory(input, plan, comm.size());
    return;
  }
  cli::require_memory(input, plan, comm.size());
  cli::RunContext context{comm, command, std::move(input), shapes, std::move(plan), stop, {}};
  auto const& job = cli::kind_of(context.input.job);
  try {
    job.run(context);
  } catch (Stopped const& e) {
    throw Stopped(e.what() +
                  std::string(job.results_are_checkpoint || context.input.checkpoint.enabled
                                  ? "; what is finished is saved, go on with --resume"
                                  : "; nothing is saved, as checkpoint is none"));
  }
}

void execute(runtime::Communicator const& comm, int argc, char** argv) {
  auto const command = cli::parse_command_line(argc, argv);
  switch (command.command) {
    case CommandLine::Command::print:
      return print(comm, command.text);
    case CommandLine::Command::info:
      return runtime::agree_on_root(
          comm, [&] { std::fputs(io::describe(command.file).c_str(), stdout); });
    case CommandLine::Command::run:
    case CommandLine::Command::check:
      return run_job(comm, command);
  }
}

/// Ends the program after an error. Errors are thrown on all ranks alike; should one rank have
/// failed alone, the others wait for it somewhere, and it ends them.
int leave(runtime::Communicator const& comm, ExitCode code, std::string const& what) {
  auto const level = code == ExitCode::stopped ? runtime::Level::warning : runtime::Level::error;
  runtime::log(level, what);
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(comm.get(), &request);
  int together = 0;
  for (int waited = 0; waited < 100 && !together; ++waited) {
    MPI_Test(&request, &together, MPI_STATUS_IGNORE);
    if (!together) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  if (!together) {
    if (!comm.is_root()) runtime::log_local(level, what);
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  }
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond `ulimit -f` is an error to report
  runtime::Environment const environment(argc, argv);
  auto const comm = runtime::Communicator::world();
  try {
    execute(comm, argc, argv);
    return static_cast<int>(ExitCode::done);
  } catch (Error const& e) {
    return leave(comm, e.code(), e.what());
  } catch (std::bad_alloc const&) {
    return leave(comm, ExitCode::wrong_input,
                 "out of memory; use more ranks on more nodes, or a smaller problem");
  } catch (std::exception const& e) {
    return leave(comm, ExitCode::failed, e.what());
  }
}
