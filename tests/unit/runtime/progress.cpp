#include "widelimit/runtime/progress.hpp"

#include <regex>
#include <thread>

#include <gtest/gtest.h>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::runtime {
namespace {

/// What rank 0 prints while `f` runs; the output is no terminal here.
template <class F>
std::string printed(F const& f) {
  testing::internal::CaptureStderr();
  f();
  return testing::internal::GetCapturedStderr();
}

bool is_root() {
  return Communicator::world().is_root();
}

TEST(Progress, in_a_batch_job_short_work_prints_its_end_alone) {
  auto const text = printed([] {
    Progress progress("gram", "entries", 1000);
    for (int done = 0; done <= 1000; ++done) progress.update(done);
    progress.finish();
    progress.finish();
  });
  if (!is_root()) {
    EXPECT_EQ(text, "");
    return;
  }
  std::regex const line(R"(gram: 100 %, [0-9.]+ [kMGTP]?entries/s, took [0-9.]+ (us|ms|s)\n)");
  EXPECT_TRUE(std::regex_match(text, line)) << text;
}

TEST(Progress, work_of_an_earlier_run_counts_as_done_but_not_for_the_rate) {
  auto const text = printed([] {
    Progress progress("gram", "entries", 1e9, 0.75e9);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    progress.update(0.75e9 + 100);
    progress.finish();
  });
  if (!is_root()) return;
  std::smatch found;
  ASSERT_TRUE(std::regex_search(text, found, std::regex(R"(: *75 %, ([0-9.]+) (k?)entries/s)")))
      << text;
  // 100 entries in 20 ms or more.
  EXPECT_LE(std::stod(found[1]) * (found[2].length() > 0 ? 1000 : 1), 5000) << text;
}

TEST(Progress, work_that_is_broken_off_prints_nothing) {
  EXPECT_EQ(printed([] {
              Progress progress("gram", "entries", 10);
              progress.update(5);
            }),
            "");
}

}  // namespace
}  // namespace widelimit::runtime
