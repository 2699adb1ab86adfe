/// \file
/// What `widelimit check` prints.
#pragma once

#include <string>

#include "cli/resources.hpp"

namespace widelimit::cli {

/// The plan of a run: regime, network, tiles, flops, memory, disk and an estimate of the time, from
/// a calibration of a fraction of a second. Collective.
std::string check_report(runtime::Communicator const& comm, InputFile const& input,
                         DataShapes const& shapes, ResourcePlan const& plan);

}  // namespace widelimit::cli
