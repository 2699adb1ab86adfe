/// \file
/// What every regression writes, whatever its solver.
#pragma once

#include <string>

#include "widelimit/io/results_file.hpp"

#include "cli/problem.hpp"

namespace widelimit::cli {

/// points x outputs, with dimension scales. Collective, as all here.
void write_outputs(io::ResultsWriter& results, std::string const& path,
                   linalg::ReplicatedMatrix const& matrix, char const* points);

/// Mean squared error and, for classes, accuracy of a set ("train" or "test"); says them too.
void write_metrics(io::ResultsWriter& results, std::string const& set,
                   linalg::ReplicatedMatrix const& predictions,
                   linalg::ReplicatedMatrix const& targets, bool classes);

}  // namespace widelimit::cli
