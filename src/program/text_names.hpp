/// \file
/// The names of a program's text, and what they stand for.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "widelimit/program/program.hpp"

namespace widelimit::program::detail {

/// What declarations begin with.
inline constexpr std::string_view declarations[] = {"matrix", "vector", "noise",   "scalar",
                                                    "data",   "batch",  "schedule"};

/// Names that are known at a line of a text. What it throws are InputErrors without a place.
class TextNames {
 public:
  /// The program must outlive the object.
  explicit TextNames(Program const& program) : program_(program) {}

  /// Notes that `line` defines a name, to tell a wrong order from a missing definition.
  void foresee(std::string_view name, int line) { lines_.emplace(std::string(name), line); }
  void add(std::string const& name, Id id) { ids_[name] = id; }

  bool contains(std::string_view name) const { return ids_.contains(name); }
  Id known(std::string_view name) const;
  /// Throws where a name is defined already or would make a line read as something else.
  void need_new(std::string const& name) const;

  Value const& value(Id id) const { return program_.value(id); }

 private:
  Program const& program_;
  std::map<std::string, int, std::less<>> lines_;
  std::map<std::string, Id, std::less<>> ids_;
};

}  // namespace widelimit::program::detail
