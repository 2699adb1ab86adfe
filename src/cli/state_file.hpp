/// \file
/// A file with the state of a run, from which it goes on.
#pragma once

#include <chrono>
#include <string>

#include "widelimit/io/identity.hpp"
#include "widelimit/io/results_file.hpp"

namespace widelimit::cli {

/// Removes a file where there is one. Collective.
void remove_file(runtime::Communicator const& comm, std::string const& file);

/// A file with the state at some moment, replaced whole by that of a later one (written beside,
/// flushed, renamed). What the state is and under which names it lies is its derived classes'.
class StateFile {
 public:
  /// \param every  least time between two savings
  StateFile(runtime::Communicator comm, std::string file, io::Identity identity,
            std::chrono::duration<double> every);

  std::string const& file() const { return file_; }
  /// Whether there is a file. Collective.
  bool exists() const;
  /// Whether it is time to save, by the clock of the root; false on other ranks. Local.
  bool due_here() const;
  /// The same on all ranks. Collective.
  bool due() const;
  /// Collective.
  void discard() const { remove_file(comm_, file_); }

 protected:
  runtime::Communicator const& comm() const { return comm_; }
  /// All numbers of a data set, on every rank; its path says which state they are of. Collective.
  /// Throws InputError: damaged, or not `expected` of them where that is not negative.
  std::vector<double> read(std::string const& path, Index expected = -1) const;
  void require_size(std::size_t found, Index expected, std::string const& path) const;
  /// Collective. Throws InputError: the file is another run's.
  void require_identity() const;
  /// Calls `fill` with the new file and puts that in the place of the old one. Collective. Throws
  /// InputError: disk full.
  template <class F>
  void replace(F&& fill) {
    io::ResultsWriter file(comm_, file_, io::Existing::replace);
    write_identity(file);
    fill(file);
    file.commit();
    last_ = std::chrono::steady_clock::now();
  }

 private:
  void write_identity(io::ResultsWriter& file) const;

  runtime::Communicator comm_;
  std::string file_;
  io::Identity identity_;
  std::chrono::duration<double> every_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace widelimit::cli
