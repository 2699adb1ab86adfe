/// \file
/// Starts and ends MPI and Kokkos.
#pragma once

#include <memory>

namespace widelimit::runtime {

/// MPI, then Kokkos; ended in reverse. The first local of `main`, and only one at a time. Asks MPI
/// for MPI_THREAD_MULTIPLE, since tiles are written by a thread of their own.
class Environment {
 public:
  Environment(int& argc, char**& argv);
  ~Environment();
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;

  /// Whether MPI lets several threads call it at once.
  static bool threads_may_communicate();
  /// Threads that a Kokkos kernel of this rank uses.
  static int threads();

 private:
  bool started_mpi_ = false;
  bool started_kokkos_ = false;
};

}  // namespace widelimit::runtime
