#include "sums.hpp"

#include <algorithm>

#include "widelimit/program/column_map.hpp"

namespace widelimit::program::detail {

Expression sum_of_arguments(std::size_t count) {
  Expression sum;
  for (std::size_t k = 0; k < count; ++k) sum = sum + Expression::argument(static_cast<int>(k));
  return sum;
}

namespace {

/// Adds in portions, as compiled expressions take so many operands only.
template <class Add>
Id sum_in_portions(std::vector<Id> values, Add const& add) {
  constexpr std::size_t portion = 16;
  while (values.size() > 1) {
    std::vector<Id> sums;
    for (std::size_t k = 0; k < values.size(); k += portion) {
      std::vector<Id> const part(
          values.begin() + static_cast<std::ptrdiff_t>(k),
          values.begin() + static_cast<std::ptrdiff_t>(std::min(values.size(), k + portion)));
      sums.push_back(part.size() == 1 ? part.front() : add(part));
    }
    values = std::move(sums);
  }
  return values.front();
}

}  // namespace

Id sum_of_vectors(Builder& builder, std::vector<Id> const& values) {
  return sum_in_portions(values, [&](std::vector<Id> const& part) {
    return builder.add(Nonlinear{none, sum_of_arguments(part.size()), part, {}});
  });
}

Id sum_of_scalars(Builder& builder, std::vector<Id> const& values) {
  return sum_in_portions(values, [&](std::vector<Id> const& part) {
    return builder.add(ScalarNonlinear{none, sum_of_arguments(part.size()), part});
  });
}

Id ones_row(Builder& builder, Index columns) {
  auto const name = "ones_" + std::to_string(columns);
  for (auto const& initial : builder.program().initials)
    if (builder.program().value(initial.value).name == name) return initial.value;
  return builder.scalar(name, 1, columns, 1);
}

Id constant_array(Builder& builder, Index rows, Index columns,
                  std::function<double(Index, Index)> const& value) {
  std::vector<MapEntry> entries;
  for (Index c = 0; c < columns; ++c)
    for (Index r = 0; r < rows; ++r)
      if (double const v = value(r, c); v != 0) entries.push_back({0, c * rows + r, v});
  Id const row = builder.add(
      ScalarMapColumns{none, builder.constant(1), make_map(1, rows * columns, entries)});
  return builder.transpose(row, columns);
}

Id sum_scalar_groups(Builder& builder, Id x, Index groups) {
  Index const columns = builder.columns(x);
  if (columns == groups) return x;
  return builder.add(ScalarMapColumns{none, x, sum_of_groups(columns, groups)});
}

}  // namespace widelimit::program::detail
