/// \file
/// Checkpoints that hold the state of a solver as plain arrays.
#pragma once

#include <string>

#include "widelimit/io/identity.hpp"
#include "widelimit/io/results_file.hpp"
#include "widelimit/runtime/communicator.hpp"

namespace widelimit::io {

/// Names the run that the state in `file` belongs to. Collective.
void write_identity(ResultsWriter& file, Identity const& identity);

/// Throws InputError unless `file` holds the state of the run `now`. Collective.
void require_identity(runtime::Communicator const& comm, std::string const& file,
                      Identity const& now);

}  // namespace widelimit::io
