/// \file
/// The state of conjugate gradients on the disk.
#pragma once

#include "widelimit/linalg/pcg.hpp"

#include "cli/state_file.hpp"

namespace widelimit::cli {

/// The state after some iteration. Rows are in the data's order, so that any number of ranks reads
/// it.
class SolverCheckpoint : public StateFile {
 public:
  /// \param every  least time between two savings
  SolverCheckpoint(linalg::RowBlocks rows, std::string file, io::Identity identity,
                   std::chrono::duration<double> every);

  /// Collective. Throws InputError: another run's, damaged, other numbers of points or outputs.
  linalg::PcgState read(Index columns) const;
  /// Collective. Throws InputError: disk full.
  void write(linalg::PcgState const& state);
  /// `write`, when it is time. Collective.
  void write_if_due(linalg::PcgState const& state);

 private:
  linalg::RowBlocks rows_;
};

}  // namespace widelimit::cli
