#include "widelimit/cli/command_line.hpp"

#include <algorithm>
#include <string_view>

#include <CLI/CLI.hpp>

#include "widelimit/cli/input_file.hpp"
#include "widelimit/io/spelling.hpp"
#include "widelimit/io/units.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/version.hpp"

namespace widelimit::cli {
namespace {

constexpr char const* description =
    "widelimit: batch solver for neural networks of infinite width.\n"
    "Under MPI: mpirun -n 8 widelimit run job.yaml";

constexpr char const* examples =
    "Examples:\n"
    "  widelimit check job.yaml                            validate, print the plan\n"
    "  widelimit check --keys                              all keys of an input file\n"
    "  widelimit run job.yaml --set job.kernel=nngp        change a value of the file\n"
    "  widelimit run job.yaml --set 'network[1].dense.w_std=1.5' --output wide.h5\n"
    "  mpirun -n 8 widelimit run job.yaml --resume --max-time 11h50m\n"
    "  widelimit info job.results.h5                       what a file holds\n"
    "Exit status: 0 done, 1 failed, 2 wrong input, 75 stopped in time with a checkpoint.";

/// CLI11 says no more of a misspelt command than that one is missing.
void check_command(std::string_view word) {
  static constexpr std::string_view commands[] = {"run", "check", "info"};
  if (word.starts_with('-') || std::ranges::count(commands, word) > 0) return;
  throw InputError("command line: unknown command `" + std::string(word) + "`" +
                   io::suggestion(word, commands) + "; known: " + io::join(commands) +
                   "; see widelimit --help");
}

std::chrono::duration<double> read_max_time(std::string const& text) {
  auto const time = io::parse_duration(text);
  if (!time || time->count() <= 0)
    throw InputError(
        "--max-time: expected a time above 0 with its unit, e.g. 11h50m, 90 min or "
        "1-12:00:00, found `" +
        text + "`");
  return *time;
}

}  // namespace

CommandLine parse_command_line(int argc, char const* const* argv) {
  using Command = CommandLine::Command;
  if (argc > 1) check_command(argv[1]);
  CommandLine line;
  std::string max_time;
  bool keys = false;

  CLI::App app(description, "widelimit");
  app.footer(examples);
  app.set_version_flag("--version", [] { return runtime::version_report(); });
  app.require_subcommand(1);
  auto const add_input = [&](CLI::App& command) {
    command.add_option("--set", line.overrides, "Change a value of the input file (repeatable)")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    return command.add_option("INPUT", line.file, "Input file, YAML");
  };

  auto& run = *app.add_subcommand("run", "Compute what an input file says");
  add_input(run)->required();
  run.add_flag("--resume", line.resume, "Go on from the checkpoint, where there is one");
  run.add_flag("--overwrite", line.overwrite, "Replace a results file that exists");
  run.add_option("--max-time", max_time, "Save the state and end with status 75 after this time")
      ->type_name("TIME");
  run.add_option("--output", line.output, "Results file, in place of output.file")
      ->type_name("FILE");

  auto& check = *app.add_subcommand("check", "Validate an input file and print the plan");
  auto* const input = add_input(check);
  auto* const keys_flag = check.add_flag("--keys", keys, "Print all keys of an input file");
  keys_flag->excludes(input);

  auto& info = *app.add_subcommand("info", "Print what a results file or a checkpoint holds");
  info.add_option("FILE", line.file, "Results file or checkpoint, HDF5")->required();

  try {
    app.parse(argc, argv);
    if (check.parsed() && !keys && line.file.empty()) throw CLI::RequiredError("INPUT");
  } catch (CLI::CallForHelp const&) {
    line.text = app.help();
    return line;
  } catch (CLI::CallForVersion const& version) {
    line.text = version.what();
    return line;
  } catch (CLI::ParseError const& e) {
    throw InputError(std::string("command line: ") + e.what() +
                     "; see widelimit --help or widelimit COMMAND --help");
  }
  if (keys) {
    line.text = key_reference();
    return line;
  }
  if (!max_time.empty()) line.max_time = read_max_time(max_time);
  line.command = run.parsed() ? Command::run : check.parsed() ? Command::check : Command::info;
  return line;
}

}  // namespace widelimit::cli
