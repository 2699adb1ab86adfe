/// \file
/// What training runs leave, over replicates.
#pragma once

#include <vector>

#include "widelimit/interpreter/training_run.hpp"
#include "widelimit/io/results_file.hpp"

namespace widelimit::cli {

/// Runs of one number of particles: all their arrays joined, in the order of their paths.
using JoinedRecord = std::vector<double>;
JoinedRecord join(interpreter::Record const& record);

/// Means over runs and, from two runs on, their standard errors.
struct RunStatistics {
  JoinedRecord mean, standard_error;
};
RunStatistics statistics(std::vector<JoinedRecord> const& runs);

/// Writes the arrays of `layout` below /limit with the numbers of `runs`, and `PATH_standard_error`
/// of each. With runs of half the particles also `PATH_bias`, the error of order 1/particles of the
/// runs with all (and its standard error): twice as large with half of them. Collective.
void write_runs(io::ResultsWriter& results, interpreter::Record const& layout,
                RunStatistics const& runs, RunStatistics const* half);

}  // namespace widelimit::cli
