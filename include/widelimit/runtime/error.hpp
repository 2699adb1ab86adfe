/// \file
/// Exceptions that end a run, each with the exit status it leads to.
#pragma once

#include <stdexcept>
#include <string>

namespace widelimit {

/// Exit status of the program.
enum class ExitCode : int {
  done = 0,
  failed = 1,       ///< a fault of this program or of the machine
  wrong_input = 2,  ///< the user can mend it: input file, data, resources, disk
  stopped = 75      ///< stopped in time with everything saved; run again with --resume
};

/// Base of all errors this program reports: one paragraph that says what to do, and an exit status.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, std::string const& what) : std::runtime_error(what), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// Where in a user's file an error lies. Parts that are unknown are left empty (line 0).
struct Location {
  std::string file;
  int line = 0;
  std::string key;
};

/// Something the user can mend. The text reads `FILE:LINE: KEY: what is wrong; what was expected`.
class InputError : public Error {
 public:
  explicit InputError(std::string const& message) : Error(ExitCode::wrong_input, message) {}
  InputError(Location const& where, std::string const& message)
      : Error(ExitCode::wrong_input, prefix(where) + message) {}

 private:
  static std::string prefix(Location const& where) {
    std::string text = where.file;
    if (where.line > 0) text += ":" + std::to_string(where.line);
    if (!text.empty()) text += ": ";
    if (!where.key.empty()) text += where.key + ": ";
    return text;
  }
};

/// The run was asked to end (signal or time limit) and has saved its state.
class Stopped : public Error {
 public:
  explicit Stopped(std::string const& message) : Error(ExitCode::stopped, message) {}
};

}  // namespace widelimit
