/// \file
/// Owner of an MPI communicator with the few collective calls the program needs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <mpi.h>

#include "widelimit/runtime/types.hpp"

namespace widelimit::runtime {

/// Throws Error naming `call` when an MPI call did not succeed.
void check_mpi(int status, char const* call);

/// Checks the status of an MPI call.
#define WIDELIMIT_MPI(call) ::widelimit::runtime::check_mpi((call), #call)

/// A duplicate of a communicator, freed with its last copy. All calls are collective unless said
/// otherwise.
class Communicator {
 public:
  /// Duplicates `parent`. Collective.
  explicit Communicator(MPI_Comm parent);

  /// All ranks of the program.
  static Communicator world() { return Communicator(MPI_COMM_WORLD); }

  int rank() const { return rank_; }  ///< local
  int size() const { return size_; }  ///< local
  bool is_root() const { return rank_ == 0; }
  MPI_Comm get() const { return *handle_; }

  void barrier() const;
  std::string broadcast(std::string const& text, int root = 0) const;
  void broadcast(void* data, Index bytes, int root = 0) const;

  double sum(double value) const;
  double max(double value) const;
  Index sum(Index value) const;
  Index max(Index value) const;
  Index min(Index value) const;
  /// Sums `data` element by element over the ranks, in place. Counts above INT_MAX are split.
  void sum(double* data, Index count) const;
  void sum(float* data, Index count) const;

  /// The lowest rank for which `flag` holds, or -1.
  int first_rank_where(bool flag) const;

  /// The ranks that share this rank's memory.
  int ranks_on_node() const;

 private:
  std::shared_ptr<MPI_Comm> handle_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace widelimit::runtime
