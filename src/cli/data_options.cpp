/// \file
/// The section `data`.
#include "sections.hpp"

namespace widelimit::cli::detail {
namespace {

constexpr KeyEntry data_keys[] = {
    {"train", "required", "the training set"},
    {"test", "none", "the test set, with the keys of train"},
    {"inputs", "none",
     "scaling of the inputs, from train alone: none, standardize (one mean and deviation), "
     "per_feature, unit_norm, or zca"},
    {"targets", "none", "none, or for integer labels one_hot or one_hot_centred (1-1/C and -1/C)"}};

constexpr KeyEntry set_keys[] = {
    {"file", "required", "HDF5 file; a relative path starts at the folder of the input file"},
    {"inputs", "required",
     "data set of the inputs in the file: vectors [N, D], sequences [N, T, C] or images [N, H, W, "
     "C]"},
    {"targets", "none", "data set of the targets in the file, [N] or [N, C]"},
    {"rows", "all", "[begin, end), or the data set of row numbers in the file"},
    {"lengths", "all T",
     "data set of the lengths of sequences, [N]; later positions count for nothing"},
    {"patterns", "none",
     "map of names, for the layer aggregate, to data sets of graphs, [N, T, T] or [T, T] for all"}};

constexpr KeyEntry zca_keys[] = {
    {"epsilon", "1e-4", "added to the covariance, in units of its mean eigenvalue; above 0"}};

std::variant<std::monostate, Range, std::string> read_rows(YamlNode const& node) {
  if (node.is_scalar()) return node.as<std::string>();
  std::string const what = "[begin, end) with 0 <= begin < end, or the path of a data set";
  if (!node.is_list()) node.expected(what);
  auto const bounds = node.as<std::vector<Index>>(io::non_negative);
  if (bounds.size() != 2 || bounds[0] >= bounds[1]) node.fail("expected " + what);
  return Range{bounds[0], bounds[1]};
}

DataSetOptions read_set(YamlNode const& map, std::string const& folder) {
  expect_keys(map, set_keys);
  DataSetOptions set;
  set.file = resolve(folder, map.get<std::string>("file"));
  set.inputs = map.get<std::string>("inputs");
  set.targets = map.get<std::string>("targets", "");
  if (auto const rows = map.find("rows")) set.rows = read_rows(*rows);
  set.lengths = map.get<std::string>("lengths", "");
  if (auto const patterns = map.find("patterns")) {
    if (!patterns->is_map()) patterns->expected("a map of names and data sets");
    for (auto const& name : patterns->keys()) set.patterns[name] = patterns->get<std::string>(name);
  }
  return set;
}

/// A bare word, or `zca: {epsilon: …}`.
void read_scaling(YamlNode const& node, DataOptions& data) {
  static constexpr std::pair<std::string_view, InputScaling> scalings[] = {
      {"none", InputScaling::none},
      {"standardize", InputScaling::standardize},
      {"per_feature", InputScaling::per_feature},
      {"unit_norm", InputScaling::unit_norm},
      {"zca", InputScaling::zca}};
  if (!node.is_map()) {
    data.inputs = node.as_choice(scalings);
    return;
  }
  node.expect_keys({"zca"});
  auto const zca = node.at("zca");
  expect_keys(zca, zca_keys);
  data.inputs = InputScaling::zca;
  data.zca_epsilon = zca.get("epsilon", data.zca_epsilon, io::positive);
}

}  // namespace

DataOptions read_data(YamlNode const& map, std::string const& folder) {
  static constexpr std::pair<std::string_view, TargetEncoding> encodings[] = {
      {"none", TargetEncoding::none},
      {"one_hot", TargetEncoding::one_hot},
      {"one_hot_centred", TargetEncoding::one_hot_centred}};
  expect_keys(map, data_keys);
  DataOptions data;
  data.train = read_set(map.at("train"), folder);
  if (auto const test = map.find("test")) data.test = read_set(*test, folder);
  if (auto const inputs = map.find("inputs")) read_scaling(*inputs, data);
  data.targets = map.get_choice("targets", encodings, data.targets);
  return data;
}

std::vector<KeySection> data_sections() {
  return {{"data", "", data_keys},
          {"data.train", "", set_keys},
          {"data.test", "", set_keys},
          {"data.inputs.zca", "", zca_keys}};
}

}  // namespace widelimit::cli::detail
