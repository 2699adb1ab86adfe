/// \file
/// Progress of long work: one line that renews itself on a terminal, sparse lines elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "widelimit/runtime/types.hpp"

namespace widelimit::runtime {

/// Shows how far work has come, its rate and the time left, on rank 0 alone.
class Progress {
 public:
  /// \param label  what is done, e.g. "gram"
  /// \param unit   what is counted, e.g. "entries"
  /// \param total  how many there are; `done` how many of them an earlier run did
  Progress(std::string label, std::string unit, double total, double done = 0);
  ~Progress();
  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;

  /// `done` units are finished in all. Local, cheap: prints at most twice a second (batch: every 30
  /// s).
  void update(double done);
  /// Prints the last line, with the total time.
  void finish();

 private:
  void print(double done, bool last);
  std::string label_, unit_;
  double total_, first_, done_ = 0;
  bool shown_, terminal_, finished_ = false;
  std::chrono::steady_clock::time_point start_, last_print_;
};

}  // namespace widelimit::runtime
