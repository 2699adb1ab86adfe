/// \file
/// What people see of iterations as they go.
#pragma once

#include <chrono>

#include "widelimit/linalg/pcg.hpp"

namespace widelimit::cli {

/// Says iteration, residual, rate and the time that is left at the mean rate so far; on rank 0, at
/// most once in five seconds.
class SolverProgress {
 public:
  /// \param first  iterations that an earlier run did
  SolverProgress(double tolerance, Index first) : tolerance_(tolerance), first_(first) {}
  /// Local.
  void update(linalg::PcgState const& state);

 private:
  using Clock = std::chrono::steady_clock;
  double tolerance_;
  Index first_;
  double first_residual_ = 1;
  Clock::time_point start_ = Clock::now(), last_ = start_;
};

}  // namespace widelimit::cli
