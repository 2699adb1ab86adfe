#include <regex>

#include <gtest/gtest.h>

#include "cli/check.hpp"

namespace widelimit::cli {
namespace {

using Strings = std::vector<std::string>;

constexpr DataShapes shapes{1500, 200, 5, 2};

std::string report(std::string const& job, Strings const& overrides = {}) {
  auto const world = runtime::Communicator::world();
  auto const input = parse_input(
      "title: Two moons\n"
      "data: {train: {file: a.h5, inputs: /x, targets: /y}, test: {file: b.h5, inputs: /x}}\n"
      "network: [{dense: {w_std: 1.5}}, relu, dense, erf, dense]\n"
      "job: {type: " +
          job + "}\n",
      "jobs/moons.yaml", overrides);
  return check_report(world, input, shapes, plan_resources(world, input, shapes));
}

void expect_lines(std::string const& text, Strings const& patterns) {
  for (auto const& pattern : patterns)
    EXPECT_TRUE(std::regex_search(text, std::regex("(^|\n)" + pattern + "\n")))
        << "looked for: " << pattern << "\nin:\n"
        << text;
}

TEST(CheckReport, says_what_a_regression_will_do) {
  auto const ranks = std::to_string(runtime::Communicator::world().size());
  expect_lines(
      report("regression"),
      {"title      Two moons", "job        regression", "regime     kernel: .*",
       "data       1500 training points, 200 test points, 5 features", "precision  double",
       "network    3 weight layers, 2 element-wise layers, .*", "tiles      256 x 256 points",
       "gram       1\\.426e\\+06 entries, .*", "solve .* flops",
       "memory .* on each of " + ranks + " ranks? .*", "disk .*",
       "time       gram about [0-9.]+ (us|ms|s|min [0-9]+ s) on " + ranks + " ranks? of .*",
       "output     jobs/moons.results.h5", "checkpoint jobs/moons.results.checkpoint.h5"});
}

TEST(CheckReport, names_the_layers) {
  auto const text = report("gram");
  auto const at = text.find("network    ");
  for (std::string const layer : {"1.5", "relu", "erf"})
    EXPECT_NE(text.find(layer, at), std::string::npos) << text;
}

TEST(CheckReport, a_gram_job_keeps_its_tiles_beside_the_output) {
  expect_lines(report("gram", {"precision=single"}), {"job        gram", "precision  single",
                                                      "checkpoint jobs/moons.results.h5.partial"});
}

TEST(CheckReport, leaves_out_what_does_not_apply) {
  auto const text = report("gram", {"checkpoint=none"});
  for (std::string const word : {"checkpoint", "solve"})
    EXPECT_EQ(text.find(word), std::string::npos) << text;
}

}  // namespace
}  // namespace widelimit::cli
