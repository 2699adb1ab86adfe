#include "widelimit/io/units.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace widelimit::io {
namespace {

TEST(Units, durations) {
  std::vector<std::pair<std::string, double>> const cases{
      {"11h50m", 42600},     {"10 min", 600},  {"90 s", 90},
      {"90s", 90},           {"1.5 h", 5400},  {" 2 hours 3 minutes 4 seconds ", 7384},
      {"1 day 6 h", 108000}, {"0.25s", 0.25},  {"50:00", 3000},
      {"11:50:00", 42600},   {"1-12", 129600}, {"1-12:30", 131400},
      {"1-12:00:00", 129600}};
  for (auto const& [text, seconds] : cases) {
    auto const parsed = parse_duration(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_DOUBLE_EQ(parsed->count(), seconds) << text;
  }
  for (std::string const text : {"", " ", "10", "min", "10 parsecs", "-5 s", "1:2:3:4", "1-2-3",
                                 "1:", ":30", "1-", "10 min 5", "nan s", "inf s", "1:-2"})
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
}

TEST(Units, sizes) {
  std::vector<std::pair<std::string, Index>> const cases{{"10 GiB", Index{10} << 30},
                                                         {"512MiB", Index{512} << 20},
                                                         {"1.5 kB", 1500},
                                                         {"64 B", 64},
                                                         {"2 KiB", 2048},
                                                         {"3 TB", 3000000000000}};
  for (auto const& [text, bytes] : cases) EXPECT_EQ(parse_bytes(text), bytes) << text;
  for (std::string const text :
       {"", "10", "GiB", "10 Gi", "10 G", "-1 GiB", "10 XB", "10 GiB 5", "10 giB", "1e99 TiB"})
    EXPECT_FALSE(parse_bytes(text).has_value()) << text;
}

TEST(Units, numbers_are_whole_texts_and_finite) {
  EXPECT_EQ(parse_number("1e-6"), 1e-6);
  EXPECT_EQ(parse_number("+.5"), 0.5);
  EXPECT_EQ(parse_number("-3"), -3);
  for (std::string const text : {"", "1,5", "1e", "0x10", "nan", "inf", "1e999", "1 ", "two"})
    EXPECT_FALSE(parse_number(text).has_value()) << text;
}

}  // namespace
}  // namespace widelimit::io
