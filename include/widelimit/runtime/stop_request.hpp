/// \file
/// Asks a run to end in good time: by signal or by a time limit.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::runtime {

/// While it lives, SIGTERM and SIGUSR1 no longer end the process but are remembered. One at a time.
class StopRequest {
 public:
  /// \param limit  time after which the run should save its state and end; none: no limit
  explicit StopRequest(std::optional<std::chrono::duration<double>> limit = {});
  ~StopRequest();
  StopRequest(StopRequest const&) = delete;
  StopRequest& operator=(StopRequest const&) = delete;

  /// Whether this rank was asked to end. Local: ranks must agree before they act on it.
  bool pending() const;
  /// "SIGTERM", "SIGUSR1", "--max-time"; empty when nothing is pending.
  std::string reason() const;

 private:
  std::optional<std::chrono::steady_clock::time_point> deadline_;
};

/// The reason of the lowest rank that was asked to end, on all ranks; empty where none was.
/// Collective.
std::string reason_on_any_rank(Communicator const& comm, StopRequest const& stop);

}  // namespace widelimit::runtime
