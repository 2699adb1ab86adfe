/// \file
/// The command line.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace widelimit::cli {

/// What the user asked for.
struct CommandLine {
  enum class Command {
    run,    ///< compute what `file`, an input file, says
    check,  ///< validate `file`, an input file, and print the plan
    info,   ///< print what `file`, a results file or a checkpoint, holds
    print   ///< print `text` (help, version, table of keys) and end with status 0
  };
  Command command = Command::print;
  std::string file;
  std::string text;
  std::vector<std::string> overrides;  ///< of the input file: `path=value`
  std::string output;  ///< replaces output.file, from the working folder; empty: does not
  std::optional<std::chrono::duration<double>> max_time;  ///< save and end with 75 after it
  bool resume = false;     ///< go on from the checkpoint where there is one
  bool overwrite = false;  ///< replace a results file that exists
};

/// Parses the arguments of `main`. Local: prints nothing. Throws InputError (exit status 2).
CommandLine parse_command_line(int argc, char const* const* argv);

}  // namespace widelimit::cli
