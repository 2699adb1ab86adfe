/// \file
/// The state of training in function space on the disk.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "widelimit/linalg/row_blocks.hpp"

#include "cli/state_file.hpp"

namespace widelimit::cli {

/// Arrays by name. Blocks are column-major, this rank's rows, `outputs` columns each; numbers are
/// the same on all ranks.
struct TrainingRecord {
  std::map<std::string, std::vector<double>> blocks, numbers;
};

/// The state at some time. Rows are in the data's order, so that any number of ranks reads it.
class TrainingCheckpoint : public StateFile {
 public:
  /// \param every  least time between two savings
  TrainingCheckpoint(linalg::RowBlocks rows, Index outputs, std::string file, io::Identity identity,
                     std::chrono::duration<double> every);

  /// Collective. Throws InputError: another run's, damaged, other numbers of points or outputs.
  TrainingRecord read() const;
  /// Collective. Throws InputError: disk full.
  void write(TrainingRecord const& record);

 private:
  linalg::RowBlocks rows_;
  Index outputs_;
};

}  // namespace widelimit::cli
