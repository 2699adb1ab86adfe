/// \file
/// A counter of all ranks: work that is taken by whoever is free.
#pragma once

#include <mpi.h>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::runtime {

/// Hands the numbers 0, 1, 2, … to the ranks, each to one of them. A number is asked for when the
/// one before it is taken, so that the answer comes while the caller works, also over networks where
/// the first rank has to answer from its own MPI calls.
class SharedCounter {
 public:
  /// Collective.
  explicit SharedCounter(Communicator const& comm);
  /// Collective.
  ~SharedCounter();
  SharedCounter(SharedCounter const&) = delete;
  SharedCounter& operator=(SharedCounter const&) = delete;

  /// The next number, larger than those taken by this rank before. Local.
  Index take();
  /// All numbers asked for from now on, by any rank, are `closed` or larger. Local.
  void close();

  static constexpr Index closed = Index{1} << 62;

 private:
  void ask();

  Communicator comm_;
  MPI_Win window_ = MPI_WIN_NULL;
  Index* counter_ = nullptr;  ///< on the first rank, in the window
  Index next_ = 0;            ///< where the answer comes in
};

}  // namespace widelimit::runtime
