/// \file
/// The state of conjugate gradients on the disk.
#pragma once

#include <chrono>
#include <string>

#include "widelimit/io/identity.hpp"
#include "widelimit/linalg/pcg.hpp"

namespace widelimit::cli {

/// A file with the state after some iteration, replaced whole by that of a later one (written
/// beside, flushed, renamed). Rows are in the data's order, so that any number of ranks reads it.
class SolverCheckpoint {
 public:
  /// \param every  least time between two savings
  SolverCheckpoint(linalg::RowBlocks rows, std::string file, io::Identity identity,
                   std::chrono::duration<double> every);

  std::string const& file() const { return file_; }
  /// Whether there is a file. Collective.
  bool exists() const;
  /// Collective. Throws InputError: another run's, damaged, other numbers of points or outputs.
  linalg::PcgState read(Index columns) const;
  /// Collective. Throws InputError: disk full.
  void write(linalg::PcgState const& state);
  /// `write`, when it is time. Collective.
  void write_if_due(linalg::PcgState const& state);
  /// Collective.
  void discard() const;

 private:
  linalg::RowBlocks rows_;
  std::string file_;
  io::Identity identity_;
  std::chrono::duration<double> every_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace widelimit::cli
