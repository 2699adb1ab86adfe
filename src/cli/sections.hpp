/// \file
/// One reader for each section of an input file, each with the table of its keys.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "widelimit/cli/input_file.hpp"

namespace widelimit::cli::detail {

using io::YamlNode;

/// Refuses keys that are not in `table`.
void expect_keys(YamlNode const& map, std::span<KeyEntry const> table);

/// Of relative residuals and errors.
constexpr io::Bounds tolerance_bounds{.low = 0, .high = 1, .above_low = true};

/// Whether a value is this word, which stands for something that the key cannot say otherwise.
inline bool is_word(YamlNode const& node, std::string_view word) {
  return node.is_scalar() && node.as<std::string>() == word;
}

/// `path` joined to the folder of the input file, unless it is absolute.
std::string resolve(std::string const& folder, std::string const& path);

DataOptions read_data(YamlNode const& map, std::string const& folder);
GramOptions read_gram(YamlNode const& map);
RegressionOptions read_regression(YamlNode const& map);
DynamicsOptions read_dynamics(YamlNode const& map);
SpectrumOptions read_spectrum(YamlNode const& map);
/// Of the jobs that have one.
regression::Ridge read_ridge(YamlNode const& map);
/// `samples` of the jobs that have it: sizes of training sets, ascending.
std::vector<Index> read_sample_sizes(YamlNode const& map);
LimitOptions read_limit(YamlNode const& map);
FiniteOptions read_finite(YamlNode const& map);
/// The job whose `type` the map names.
Job read_job(YamlNode const& map);
ResourceOptions read_resources(YamlNode const& map);
CheckpointOptions read_checkpoint(YamlNode const& node, std::string const& folder);
OutputOptions read_output(YamlNode const& map, std::string const& input_path);

std::vector<KeySection> data_sections();
std::vector<KeySection> gram_sections();
std::vector<KeySection> regression_sections();
std::vector<KeySection> dynamics_sections();
std::vector<KeySection> spectrum_sections();
std::span<KeyEntry const> ridge_keys();
std::vector<KeySection> limit_sections();
std::vector<KeySection> finite_sections();
std::vector<KeySection> job_sections();
std::vector<KeySection> run_sections();

}  // namespace widelimit::cli::detail
