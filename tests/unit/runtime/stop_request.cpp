#include "widelimit/runtime/stop_request.hpp"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>

namespace widelimit::runtime {
namespace {

using namespace std::chrono_literals;

TEST(StopRequest, nothing_is_pending_at_first) {
  StopRequest const stop;
  EXPECT_FALSE(stop.pending());
  EXPECT_EQ(stop.reason(), "");
}

TEST(StopRequest, remembers_either_signal) {
  StopRequest const stop;
  std::raise(SIGUSR1);
  EXPECT_TRUE(stop.pending());
  EXPECT_EQ(stop.reason(), "SIGUSR1");
  std::raise(SIGTERM);
  EXPECT_EQ(stop.reason(), "SIGTERM");
}

TEST(StopRequest, a_new_one_forgets_the_signals_before_it) {
  {
    StopRequest const first;
    std::raise(SIGTERM);
    EXPECT_TRUE(first.pending());
  }
  StopRequest const second;
  EXPECT_FALSE(second.pending());
}

TEST(StopRequest, the_time_limit_passes) {
  {
    StopRequest const far(1h);
    std::this_thread::sleep_for(30ms);
    EXPECT_FALSE(far.pending());
  }
  StopRequest const near(20ms);
  std::this_thread::sleep_for(30ms);
  EXPECT_TRUE(near.pending());
  EXPECT_EQ(near.reason(), "--max-time");
}

TEST(StopRequest, a_signal_is_the_reason_even_after_the_time_limit) {
  StopRequest const stop(0s);
  EXPECT_EQ(stop.reason(), "--max-time");
  std::raise(SIGUSR1);
  EXPECT_EQ(stop.reason(), "SIGUSR1");
}

TEST(StopRequest, signals_end_the_process_again_when_it_is_gone) {
  { StopRequest const stop; }
  for (int const signal : {SIGTERM, SIGUSR1}) {
    struct sigaction now {};
    ASSERT_EQ(sigaction(signal, nullptr, &now), 0);
    EXPECT_EQ(now.sa_handler, SIG_DFL);
  }
}

TEST(StopRequest, a_signal_does_not_break_off_a_write) {
  StopRequest const stop;
  struct sigaction now {};
  ASSERT_EQ(sigaction(SIGTERM, nullptr, &now), 0);
  EXPECT_NE(now.sa_flags & SA_RESTART, 0);
}

}  // namespace
}  // namespace widelimit::runtime
