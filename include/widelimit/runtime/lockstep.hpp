/// \file
/// Lets ranks that work in rounds learn of each other's errors and stop requests without waiting
/// for each other.
#pragma once

#include <mpi.h>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::runtime {

/// How a rank, or all of them, stand. The worst one counts.
enum class Standing : int { fine, stop_requested, failed };

/// Each round every rank tells its standing; the worst of a round is known one round later, to all
/// ranks in the same round, so that they leave a loop together. The reduction runs behind the work
/// of a round.
class Lockstep {
 public:
  explicit Lockstep(Communicator const& comm) : comm_(comm) {}
  ~Lockstep();
  Lockstep(Lockstep const&) = delete;
  Lockstep& operator=(Lockstep const&) = delete;

  /// Tells this rank's standing and returns the worst of the round before (fine, the first time).
  /// Every rank calls it once a round.
  Standing exchange(Standing mine);

 private:
  Standing wait();

  Communicator comm_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  int told_ = 0;
  int worst_ = 0;
};

}  // namespace widelimit::runtime
