#include "widelimit/program/column_map.hpp"

#include <algorithm>

namespace widelimit::program {

SharedColumnMap make_map(Index inputs, Index outputs, std::vector<MapEntry> entries) {
  std::stable_sort(entries.begin(), entries.end(), [](MapEntry const& a, MapEntry const& b) {
    return a.output != b.output ? a.output < b.output : a.input < b.input;
  });
  auto map = std::make_shared<ColumnMap>();
  map->inputs = inputs;
  map->start.push_back(0);
  std::size_t k = 0;
  for (Index j = 0; j < outputs; ++j) {
    auto const begin = map->index.size();
    for (; k < entries.size() && entries[k].output == j; ++k) {
      if (map->index.size() > begin && map->index.back() == entries[k].input) {
        map->weight.back() += entries[k].weight;
      } else {
        map->index.push_back(entries[k].input);
        map->weight.push_back(entries[k].weight);
      }
    }
    map->start.push_back(static_cast<Index>(map->index.size()));
  }
  return map;
}

SharedColumnMap selection(Index inputs, std::vector<Index> const& columns) {
  std::vector<MapEntry> entries;
  for (std::size_t j = 0; j < columns.size(); ++j)
    entries.push_back({columns[j], static_cast<Index>(j), 1});
  return make_map(inputs, static_cast<Index>(columns.size()), std::move(entries));
}

SharedColumnMap slice(Index inputs, Index first, Index count) {
  std::vector<Index> columns;
  for (Index j = 0; j < count; ++j) columns.push_back(first + j);
  return selection(inputs, columns);
}

SharedColumnMap sum_of_groups(Index inputs, Index groups) {
  std::vector<MapEntry> entries;
  for (Index i = 0; i < inputs; ++i) entries.push_back({i, i / (inputs / groups), 1});
  return make_map(inputs, groups, std::move(entries));
}

SharedColumnMap transposed(ColumnMap const& map) {
  std::vector<MapEntry> entries;
  for (Index j = 0; j < map.outputs(); ++j)
    for (Index k = map.start[static_cast<std::size_t>(j)];
         k < map.start[static_cast<std::size_t>(j) + 1]; ++k)
      entries.push_back(
          {j, map.index[static_cast<std::size_t>(k)], map.weight[static_cast<std::size_t>(k)]});
  return make_map(map.outputs(), map.inputs, std::move(entries));
}

bool is_identity(ColumnMap const& map) {
  if (map.inputs != map.outputs() || static_cast<Index>(map.index.size()) != map.inputs)
    return false;
  for (std::size_t j = 0; j < map.index.size(); ++j)
    if (map.start[j] != static_cast<Index>(j) || map.index[j] != static_cast<Index>(j) ||
        map.weight[j] != 1)
      return false;
  return true;
}

}  // namespace widelimit::program
