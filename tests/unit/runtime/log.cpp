#include "widelimit/runtime/log.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace widelimit::runtime {
namespace {

TEST(FormatBytes, uses_binary_units_with_three_digits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1), "1 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1 KiB");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(3.0 * (1 << 30)), "3 GiB");
  EXPECT_EQ(format_bytes(1.234 * 0x1p40), "1.23 TiB");
}

TEST(FormatBytes, has_no_exponent_below_the_next_unit) {
  EXPECT_EQ(format_bytes(999.7 * 1024), "1000 KiB");
  EXPECT_EQ(format_bytes(1010.0 * 1024), "1010 KiB");
  EXPECT_EQ(format_bytes(1023.4 * 1024), "1023 KiB");
  EXPECT_EQ(format_bytes(1023.6 * 1024), "1 MiB");
  EXPECT_EQ(format_bytes(5000 * 0x1p50), "5000 PiB");
}

TEST(FormatSeconds, changes_the_unit_where_rounding_does) {
  EXPECT_EQ(format_seconds(0), "0 us");
  EXPECT_EQ(format_seconds(1.5e-6), "1.5 us");
  EXPECT_EQ(format_seconds(0.9994e-3), "999 us");
  EXPECT_EQ(format_seconds(0.9996e-3), "1 ms");
  EXPECT_EQ(format_seconds(0.0123), "12.3 ms");
  EXPECT_EQ(format_seconds(0.9994), "999 ms");
  EXPECT_EQ(format_seconds(0.9996), "1 s");
  EXPECT_EQ(format_seconds(59.94), "59.9 s");
  EXPECT_EQ(format_seconds(59.96), "1 min 00 s");
  EXPECT_EQ(format_seconds(60), "1 min 00 s");
  EXPECT_EQ(format_seconds(119.4), "1 min 59 s");
  EXPECT_EQ(format_seconds(119.6), "2 min 00 s");
  EXPECT_EQ(format_seconds(3599), "59 min 59 s");
  EXPECT_EQ(format_seconds(3599.6), "1 h 00 min");
  EXPECT_EQ(format_seconds(3723), "1 h 02 min");
  EXPECT_EQ(format_seconds(47.5 * 3600), "47 h 30 min");
  EXPECT_EQ(format_seconds(48.0 * 3600), "2.0 days");
}

TEST(FormatSeconds, takes_any_number) {
  EXPECT_EQ(format_seconds(1e12 * 86400), "1e+12 days");
  EXPECT_EQ(format_seconds(std::numeric_limits<double>::infinity()), "unknown");
  EXPECT_EQ(format_seconds(std::numeric_limits<double>::quiet_NaN()), "unknown");
}

TEST(Log, speaks_once_and_each_rank_for_itself) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  testing::internal::CaptureStderr();
  log(Level::info, "braces {} stay");
  log_local(Level::warning, "disk is slow");
  auto const text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("info: braces {} stay\n") != std::string::npos, rank == 0) << text;
  EXPECT_NE(text.find("warning: rank " + std::to_string(rank) + ": disk is slow\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace widelimit::runtime
