/// \file
/// The tables of keys and the readers say the same.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "widelimit/cli/input_file.hpp"

#include "cli/program_problem.hpp"
#include "support/expect_input_error.hpp"

namespace widelimit::cli {
namespace {

std::string const base =
    "data: {train: {file: a.h5, inputs: /x, targets: /y}, test: {file: b.h5, inputs: /x}}\n"
    "network: [dense]\n";

InputFile parse(std::string const& job_type, std::vector<std::string> overrides) {
  std::vector<std::string> job{"job.type=" + (job_type.empty() ? std::string("gram") : job_type)};
  if (job_type == "limit" || job_type == "finite")  // what these require
    for (std::string const key :
         {"optimizer.learning_rate=1", "steps=3", job_type == "limit" ? "particles=9" : "width=9"})
      job.push_back("job." + key);
  overrides.insert(overrides.begin(), job.begin(), job.end());
  return parse_input(base, "job.yaml", overrides);
}

std::string full_path(KeySection const& section, KeyEntry const& key) {
  return section.path.empty() ? std::string(key.name)
                              : std::string(section.path) + "." + std::string(key.name);
}

TEST(KeyTables, every_key_of_the_tables_is_read) {
  // No key takes a map with this key in it, so that a reader that looks at the key refuses it.
  for (auto const& section : key_sections())
    for (auto const& key : section.keys) {
      auto const path = full_path(section, key);
      test::expect_input_error(
          [&] { parse(std::string(section.when), {path + "={zzzzzzzz: {}}"}); },
          {"--set: " + path});
    }
}

TEST(KeyTables, no_other_key_is_read) {
  for (auto const& section : key_sections()) {
    std::string const path =
        section.path.empty() ? "zzzzzzzz" : std::string(section.path) + ".zzzzzzzz";
    std::vector<std::string> known;
    for (auto const& key : section.keys) known.push_back(std::string(key.name));
    auto fragments = known;
    fragments.push_back("--set: " + path + ": unknown key");
    test::expect_input_error([&] { parse(std::string(section.when), {path + "=1"}); }, fragments);
  }
}

TEST(KeyTables, stated_defaults_are_the_defaults) {
  // A default that is a value of the language may be written out without changing what is read.
  std::set<std::string_view> const words{"required", "all", "none"};
  int checked = 0;
  for (auto const& section : key_sections()) {
    for (auto const& key : section.keys) {
      bool const is_value = !words.contains(key.fallback) &&
                            key.fallback.find(" for ") == std::string_view::npos &&
                            key.fallback != "named after the output";
      if (!is_value || section.path.empty() || section.path == "job.preconditioner") continue;
      auto const path = full_path(section, key);
      auto const input = parse(std::string(section.when), {path + "=" + std::string(key.fallback)});
      auto const plain = parse(std::string(section.when), {});
      auto const summary = [](InputFile const& file) {
        std::vector<double> values{file.data.zca_epsilon, static_cast<double>(file.resources.tile),
                                   static_cast<double>(file.resources.memory_per_rank_bytes),
                                   file.checkpoint.every.count(),
                                   static_cast<double>(file.checkpoint.on_corrupt)};
        if (auto const* gram = std::get_if<GramOptions>(&file.job))
          for (double const value : {double(gram->nngp), double(gram->ntk), double(gram->triangle)})
            values.push_back(value);
        if (auto const* job = std::get_if<RegressionOptions>(&file.job))
          for (double const value :
               {double(job->kernel), double(job->solver), job->ridge.value,
                double(job->ridge.scale), job->tolerance, double(job->max_iterations),
                double(job->gram), double(job->duplicates), double(job->posterior)})
            values.push_back(value);
        if (auto const* job = std::get_if<DynamicsOptions>(&file.job)) {
          for (double const value :
               {double(job->kernel), double(job->loss), double(job->average),
                double(job->optimizer.type), job->optimizer.learning_rate,
                job->optimizer.momentum.value_or(-1), double(job->optimizer.nesterov),
                job->optimizer.weight_decay, double(job->optimizer.decay_towards),
                double(job->optimizer.batch_size), double(job->optimizer.seed),
                double(job->ensemble), job->ridge.value, double(job->ridge.scale),
                double(job->method), double(job->gram), job->tolerance})
            values.push_back(value);
          values.insert(values.end(), job->times.begin(), job->times.end());
          for (Index const step : job->steps) values.push_back(double(step));
        }
        if (auto const* job = std::get_if<SpectrumOptions>(&file.job))
          for (double const value :
               {double(job->kernel), double(job->count), double(job->vectors), double(job->method),
                double(job->gram), job->tolerance, double(job->max_products), job->ridge.value})
            values.push_back(value);
        if (auto const* job = program_options(file.job))
          for (double const value :
               {double(std::get<program::Preset>(job->parametrization)), job->learning_rate,
                double(job->decay), job->optimizer.momentum, double(job->optimizer.nesterov),
                job->optimizer.weight_decay, double(job->loss), double(job->representation),
                job->tolerance, double(job->moment_matching), double(job->extrapolate),
                double(job->replicates), double(job->seed)})
            values.push_back(value);
        return values;
      };
      EXPECT_EQ(summary(input), summary(plain)) << path << " = " << key.fallback;
      ++checked;
    }
  }
  EXPECT_GE(checked, 12);
}

TEST(KeyTables, the_reference_names_every_key_and_layer) {
  auto const text = key_reference();
  for (auto const& section : key_sections())
    for (auto const& key : section.keys) {
      EXPECT_NE(text.find(key.name), std::string::npos) << key.name;
      EXPECT_NE(text.find(key.meaning), std::string::npos) << key.name;
      EXPECT_FALSE(key.fallback.empty()) << key.name;
    }
  EXPECT_NE(text.find("exp_normalized"), std::string::npos);
}

}  // namespace
}  // namespace widelimit::cli
