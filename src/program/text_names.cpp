#include "text_names.hpp"

#include <algorithm>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "widelimit/io/spelling.hpp"
#include "widelimit/runtime/error.hpp"

#include "program_text.hpp"

namespace widelimit::program::detail {
namespace {

bool is_reserved(std::string_view name) {
  constexpr std::string_view words[] = {"average", "in", "inner", "like",   "mean",     "outer",
                                        "over",    "of", "pi",    "record", "transpose"};
  auto const functions = function_names();
  auto const in = [&](auto const& list) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
  };
  bool reserved = in(words) || in(declarations) || in(functions);
  for (auto const& r : reductions) reserved = reserved || r.word == name;
  return reserved;
}

}  // namespace

Id TextNames::known(std::string_view name) const {
  if (auto const found = ids_.find(name); found != ids_.end()) return found->second;
  if (auto const later = lines_.find(name); later != lines_.end())
    throw InputError(
        fmt::format("`{}` is read here, but defined on line {} only: the instructions "
                    "stand in a wrong order, or depend on each other in a circle",
                    name, later->second));
  std::vector<std::string_view> names;
  for (auto const& [other, id] : ids_) names.push_back(other);
  throw InputError(fmt::format("nothing is called `{}`{}", name, io::suggestion(name, names)));
}

void TextNames::need_new(std::string const& name) const {
  if (is_reserved(name))
    throw InputError(fmt::format("`{}` has a meaning of its own; choose another name", name));
  if (ids_.contains(name)) {
    int const line = value(ids_.find(name)->second).line;
    throw InputError(fmt::format("`{}` is defined already, on line {}", name, line));
  }
}

}  // namespace widelimit::program::detail
