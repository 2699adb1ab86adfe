/// \file
/// Which widelimit this is.
#pragma once

#include <string>

namespace widelimit::runtime {

/// "0.1.0 (revision)".
std::string program_version();

/// Several lines: version, compiler, Kokkos and its back ends, MPI, HDF5.
std::string version_report();

}  // namespace widelimit::runtime
