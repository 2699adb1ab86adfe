#include "widelimit/runtime/version.hpp"

#include <sstream>

#include <Kokkos_Core.hpp>
#include <hdf5.h>
#include <mpi.h>

#include "widelimit_revision.hpp"

namespace widelimit::runtime {

std::string program_version() {
  return WIDELIMIT_VERSION_TEXT " (" WIDELIMIT_REVISION_TEXT ")";
}

std::string version_report() {
  std::ostringstream text;
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(mpi, &length);
  std::string mpi_line(mpi);
  mpi_line = mpi_line.substr(0, mpi_line.find(','));
  text << "widelimit " << program_version() << "\n"
       << "compiler   " << __VERSION__ << "\n"
       << "Kokkos     " << KOKKOS_VERSION / 10000 << "." << KOKKOS_VERSION / 100 % 100 << "."
       << KOKKOS_VERSION % 100 << ", default back end " << Kokkos::DefaultExecutionSpace::name()
       << "\n"
       << "MPI        " << mpi_line << "\n"
       << "HDF5       " << H5_VERS_INFO << "\n";
  return text.str();
}

}  // namespace widelimit::runtime
