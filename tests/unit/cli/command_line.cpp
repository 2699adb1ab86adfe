#include "widelimit/cli/command_line.hpp"

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"

namespace widelimit::cli {
namespace {

using Command = CommandLine::Command;
using Strings = std::vector<std::string>;

CommandLine parse(Strings const& arguments) {
  std::vector<char const*> argv{"widelimit"};
  for (auto const& argument : arguments) argv.push_back(argument.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

TEST(CommandLine, run) {
  auto const plain = parse({"run", "job.yaml"});
  EXPECT_EQ(plain.command, Command::run);
  EXPECT_EQ(plain.file, "job.yaml");
  EXPECT_TRUE(plain.overrides.empty());
  EXPECT_FALSE(plain.resume || plain.overwrite || plain.max_time.has_value());
  EXPECT_EQ(plain.output, "");

  auto const full =
      parse({"run", "--set", "job.kernels=[nngp, ntk]", "--set=network[1].dense.w_std=2",
             "--max-time", "11h50m", "--resume", "job.yaml", "--overwrite", "--output", "o.h5"});
  EXPECT_EQ(full.file, "job.yaml");
  EXPECT_EQ(full.overrides, (Strings{"job.kernels=[nngp, ntk]", "network[1].dense.w_std=2"}));
  ASSERT_TRUE(full.max_time.has_value());
  EXPECT_EQ(full.max_time->count(), 42600);
  EXPECT_TRUE(full.resume && full.overwrite);
  EXPECT_EQ(full.output, "o.h5");
}

TEST(CommandLine, an_override_does_not_swallow_the_input_file) {
  auto const line = parse({"run", "--set", "a=1", "job.yaml"});
  EXPECT_EQ(line.overrides, Strings{"a=1"});
  EXPECT_EQ(line.file, "job.yaml");
}

TEST(CommandLine, check_and_info) {
  auto const check = parse({"check", "job.yaml", "--set", "precision=single"});
  EXPECT_EQ(check.command, Command::check);
  EXPECT_EQ(check.overrides, Strings{"precision=single"});
  auto const info = parse({"info", "out.h5"});
  EXPECT_EQ(info.command, Command::info);
  EXPECT_EQ(info.file, "out.h5");
}

TEST(CommandLine, texts_to_print) {
  std::vector<std::pair<Strings, Strings>> const cases{
      {{"--help"}, {"run", "check", "info", "Examples:", "mpirun"}},
      {{"run", "--help"}, {"--set", "--resume", "--max-time", "--output", "--overwrite"}},
      {{"check", "--help"}, {"--set", "--keys"}},
      {{"check", "--keys"}, {"max_iterations", "one_hot_centred", "leaky_relu"}},
      {{"--version"}, {"Kokkos", "HDF5"}}};
  for (auto const& [arguments, fragments] : cases) {
    auto const line = parse(arguments);
    EXPECT_EQ(line.command, Command::print);
    for (auto const& fragment : fragments)
      EXPECT_NE(line.text.find(fragment), std::string::npos) << fragment << " in\n" << line.text;
  }
}

TEST(CommandLine, faults_are_input_errors) {
  std::vector<std::pair<Strings, Strings>> const cases{
      {{}, {"command line: ", "ubcommand", "--help"}},
      {{"rum", "job.yaml"}, {"unknown command `rum`", "did you mean `run`?", "--help"}},
      {{"--verison"}, {"command line: ", "--help"}},
      {{"run"}, {"INPUT", "required"}},
      {{"check"}, {"INPUT", "required"}},
      {{"info"}, {"FILE", "required"}},
      {{"check", "job.yaml", "--keys"}, {"--keys"}},
      {{"run", "a.yaml", "b.yaml"}, {"b.yaml"}},
      {{"run", "job.yaml", "--resum"}, {"--resum"}},
      {{"run", "job.yaml", "--set"}, {"--set"}},
      {{"run", "job.yaml", "--max-time", "5"}, {"--max-time: ", "with its unit", "`5`"}},
      {{"run", "job.yaml", "--max-time", "0 s"}, {"--max-time: ", "above 0"}},
      {{"info", "out.h5", "--set", "a=1"}, {"--set"}}};
  for (auto const& [arguments, fragments] : cases)
    test::expect_input_error([&, &arguments = arguments] { parse(arguments); }, fragments);
}

}  // namespace
}  // namespace widelimit::cli
