/// \file
/// The sections that say how a run is done: `resources`, `checkpoint`, `output`.
#include <filesystem>

#include "sections.hpp"

namespace widelimit::cli {
namespace detail {
namespace {

constexpr KeyEntry resource_keys[] = {
    {"memory_per_rank", "auto", "memory a rank may use, e.g. 10 GiB; auto: what is free"},
    {"tile", "auto", "points on each side of a tile of a Gram matrix"}};

constexpr KeyEntry checkpoint_keys[] = {
    {"file", "named after the output", "where the state of the run is kept"},
    {"every", "10 min", "time between two checkpoints, e.g. 90 s or 1h30m"},
    {"on_corrupt", "stop", "stop at a damaged checkpoint, or recompute what is damaged"}};

constexpr KeyEntry output_keys[] = {{"file", "JOB.results.h5 for JOB.yaml", "results file, HDF5"}};

}  // namespace

ResourceOptions read_resources(YamlNode const& map) {
  expect_keys(map, resource_keys);
  ResourceOptions resources;
  if (auto const memory = map.find("memory_per_rank"); memory && !is_word(*memory, "auto"))
    resources.memory_per_rank_bytes = memory->as_bytes();
  if (auto const tile = map.find("tile"); tile && !is_word(*tile, "auto"))
    resources.tile = tile->as<Index>(io::at_least(1));
  return resources;
}

CheckpointOptions read_checkpoint(YamlNode const& node, std::string const& folder) {
  static constexpr std::pair<std::string_view, CheckpointOptions::OnCorrupt> reactions[] = {
      {"stop", CheckpointOptions::OnCorrupt::stop},
      {"recompute", CheckpointOptions::OnCorrupt::recompute}};
  CheckpointOptions checkpoint;
  if (is_word(node, "none")) {
    checkpoint.enabled = false;
    return checkpoint;
  }
  if (!node.is_map()) node.expected("none, or a map with file, every, on_corrupt");
  expect_keys(node, checkpoint_keys);
  if (auto const file = node.find("file"))
    checkpoint.file = resolve(folder, file->as<std::string>());
  if (auto const every = node.find("every")) checkpoint.every = every->as_duration();
  checkpoint.on_corrupt = node.get_choice("on_corrupt", reactions, checkpoint.on_corrupt);
  return checkpoint;
}

OutputOptions read_output(YamlNode const& map, std::string const& input_path) {
  std::filesystem::path const input(input_path);
  expect_keys(map, output_keys);
  auto const file = map.get<std::string>("file", input.stem().string() + ".results.h5");
  return {resolve(input.parent_path().string(), file)};
}

std::vector<KeySection> run_sections() {
  return {{"resources", "", resource_keys},
          {"checkpoint", "", checkpoint_keys},
          {"output", "", output_keys}};
}

}  // namespace detail

std::string checkpoint_path(CheckpointOptions const& checkpoint, std::string const& output_file) {
  if (!checkpoint.file.empty()) return checkpoint.file;
  return std::filesystem::path(output_file).replace_extension(".checkpoint.h5").string();
}

}  // namespace widelimit::cli
