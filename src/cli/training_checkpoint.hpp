/// \file
/// The state of training in function space on the disk.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "widelimit/io/identity.hpp"
#include "widelimit/linalg/row_blocks.hpp"

namespace widelimit::cli {

/// Arrays by name. Blocks are column-major, this rank's rows, `outputs` columns each; numbers are
/// the same on all ranks.
struct TrainingRecord {
  std::map<std::string, std::vector<double>> blocks, numbers;
};

/// A file with the state at some time, replaced whole by that of a later one (written beside,
/// flushed, renamed). Rows are in the data's order, so that any number of ranks reads it.
class TrainingCheckpoint {
 public:
  /// \param every  least time between two savings
  TrainingCheckpoint(linalg::RowBlocks rows, Index outputs, std::string file, io::Identity identity,
                     std::chrono::duration<double> every);

  std::string const& file() const { return file_; }
  /// Whether there is a file. Collective.
  bool exists() const;
  /// Collective. Throws InputError: another run's, damaged, other numbers of points or outputs.
  TrainingRecord read() const;
  /// Collective. Throws InputError: disk full.
  void write(TrainingRecord const& record);
  /// Whether it is time to save, by the clock of the root; false on other ranks. Local.
  bool due_here() const;
  /// Collective.
  void discard() const;

 private:
  linalg::RowBlocks rows_;
  Index outputs_;
  std::string file_;
  io::Identity identity_;
  std::chrono::duration<double> every_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace widelimit::cli
