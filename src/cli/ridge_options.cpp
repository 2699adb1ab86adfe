/// \file
/// The map `ridge` of the jobs that have one.
#include "cli/sections.hpp"

namespace widelimit::cli::detail {
namespace {

constexpr KeyEntry keys[] = {
    {"value", "0", "at least 0"},
    {"scale", "relative", "relative (to the mean of the diagonal) or absolute"}};

}  // namespace

std::span<KeyEntry const> ridge_keys() {
  return keys;
}

regression::Ridge read_ridge(YamlNode const& map) {
  static constexpr std::pair<std::string_view, regression::RidgeScale> scales[] = {
      {"relative", regression::RidgeScale::relative},
      {"absolute", regression::RidgeScale::absolute}};
  expect_keys(map, keys);
  regression::Ridge ridge;
  ridge.value = map.get("value", ridge.value, io::non_negative);
  ridge.scale = map.get_choice("scale", scales, ridge.scale);
  return ridge;
}

}  // namespace widelimit::cli::detail
