#include "widelimit/runtime/lockstep.hpp"

namespace widelimit::runtime {

Lockstep::~Lockstep() {
  // All ranks leave in the same round, so the last reduction completes everywhere.
  if (request_ != MPI_REQUEST_NULL) MPI_Wait(&request_, MPI_STATUS_IGNORE);
}

Standing Lockstep::exchange(Standing mine) {
  Standing const before = wait();
  told_ = static_cast<int>(mine);
  WIDELIMIT_MPI(MPI_Iallreduce(&told_, &worst_, 1, MPI_INT, MPI_MAX, comm_.get(), &request_));
  return before;
}

Standing Lockstep::wait() {
  if (request_ == MPI_REQUEST_NULL) return Standing::fine;
  WIDELIMIT_MPI(MPI_Wait(&request_, MPI_STATUS_IGNORE));
  return static_cast<Standing>(worst_);
}

}  // namespace widelimit::runtime
