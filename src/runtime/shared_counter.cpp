#include "widelimit/runtime/shared_counter.hpp"

namespace widelimit::runtime {
namespace {

constexpr int keeper = 0;

}  // namespace

SharedCounter::SharedCounter(Communicator const& comm) : comm_(comm) {
  MPI_Aint const bytes = comm.rank() == keeper ? sizeof(Index) : 0;
  WIDELIMIT_MPI(
      MPI_Win_allocate(bytes, sizeof(Index), MPI_INFO_NULL, comm.get(), &counter_, &window_));
  WIDELIMIT_MPI(MPI_Win_lock_all(0, window_));
  if (comm.rank() == keeper) {
    *counter_ = 0;
    WIDELIMIT_MPI(MPI_Win_sync(window_));
  }
  comm.barrier();
  ask();
}

SharedCounter::~SharedCounter() {
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

Index SharedCounter::take() {
  WIDELIMIT_MPI(MPI_Win_flush(keeper, window_));
  Index const taken = next_;
  ask();
  return taken;
}

void SharedCounter::close() {
  static constexpr Index end = closed;
  Index before = 0;
  WIDELIMIT_MPI(MPI_Fetch_and_op(&end, &before, MPI_INT64_T, keeper, 0, MPI_REPLACE, window_));
  WIDELIMIT_MPI(MPI_Win_flush(keeper, window_));
}

void SharedCounter::ask() {
  static constexpr Index one = 1;
  WIDELIMIT_MPI(MPI_Fetch_and_op(&one, &next_, MPI_INT64_T, keeper, 0, MPI_SUM, window_));
}

}  // namespace widelimit::runtime
