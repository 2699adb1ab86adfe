#include "widelimit/runtime/environment.hpp"

#include <Kokkos_Core.hpp>
#include <mpi.h>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::runtime {

Environment::Environment(int& argc, char**& argv) {
  int running = 0;
  WIDELIMIT_MPI(MPI_Initialized(&running));
  if (!running) {
    int provided = 0;
    WIDELIMIT_MPI(MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided));
    started_mpi_ = true;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  }
  if (!Kokkos::is_initialized()) {
    Kokkos::InitializationSettings settings;
    settings.set_disable_warnings(true);  // unset OMP_PROC_BIND: ranks are bound by mpirun or Slurm
    Kokkos::initialize(settings);
    started_kokkos_ = true;
  }
}

Environment::~Environment() {
  if (started_kokkos_) Kokkos::finalize();
  if (started_mpi_) MPI_Finalize();
}

bool Environment::threads_may_communicate() {
  int level = MPI_THREAD_SINGLE;
  MPI_Query_thread(&level);
  return level == MPI_THREAD_MULTIPLE;
}

int Environment::threads() {
  return Kokkos::DefaultHostExecutionSpace().concurrency();
}

}  // namespace widelimit::runtime
