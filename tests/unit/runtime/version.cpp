#include "widelimit/runtime/version.hpp"

#include <regex>

#include <gtest/gtest.h>

namespace widelimit::runtime {
namespace {

TEST(Version, has_three_numbers_and_a_revision) {
  auto const version = program_version();
  EXPECT_TRUE(std::regex_match(version, std::regex(R"(\d+\.\d+\.\d+ \([0-9A-Za-z.-]+\))")))
      << version;
}

TEST(Version, the_report_names_what_the_program_is_built_on) {
  auto const report = version_report();
  EXPECT_EQ(report.find("widelimit " + program_version() + "\n"), 0U) << report;
  for (char const* const part : {"compiler", "Kokkos", "MPI", "HDF5"})
    EXPECT_TRUE(
        std::regex_search(report, std::regex(std::string("\n") + part + R"( +\S.*\d+\.\d+)")))
        << part << " in\n"
        << report;
}

}  // namespace
}  // namespace widelimit::runtime
