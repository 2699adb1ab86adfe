/// \file
/// Input files in YAML: a tree of values that know where they stand, read with checks.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "widelimit/io/units.hpp"
#include "widelimit/runtime/communicator.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

namespace detail {
struct YamlTree;
struct YamlDocument;
}  // namespace detail

/// Which numbers a key takes.
struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above_low = false;  ///< `low` itself is not allowed
  bool contains(double x) const { return (above_low ? x > low : x >= low) && x <= high; }
  /// " above 0", " from 0 to 5", "" when all are allowed.
  std::string description() const;
};
inline constexpr Bounds any_number{};
inline constexpr Bounds positive{.low = 0, .above_low = true};
inline constexpr Bounds non_negative{.low = 0};
constexpr Bounds at_least(double low) {
  return {.low = low};
}
constexpr Bounds between(double low, double high) {
  return {.low = low, .high = high};
}

/// The words a key takes and what they stand for.
template <class Value>
using Choices = std::span<std::pair<std::string_view, Value> const>;

/// A word that belongs to the language but is not built in this version.
inline constexpr std::string_view not_built =
    "belongs to the input language but is not built in this version";

/// One value of an input file: a scalar, a list, a map, or null. A cheap copy; the document lives
/// as long as any of its nodes. All functions are local, and throw InputError naming file, line and
/// key where the file is at fault.
class YamlNode {
 public:
  /// Parses `text`, then applies `overrides`, each `path=value` (`network[1].dense.w_std=2`), the
  /// value in YAML. Parts of a path that do not exist become keys of their maps; a word that meets
  /// its own name becomes a map (`dense` and `dense.w_std`). Errors in what an override set name
  /// `--set` in place of file and line.
  static YamlNode parse(std::string const& text, std::string const& file,
                        std::vector<std::string> const& overrides = {});

  bool is_null() const;
  bool is_scalar() const;
  bool is_list() const;
  bool is_map() const;
  /// "a.b[2].c"; empty for the root.
  std::string const& path() const { return path_; }
  /// Where this value stands; for a value in a map the line of its key.
  Location where() const;
  int line() const { return where().line; }
  /// Where the value of a key path stands or, when the file leaves it out, the innermost map around
  /// it.
  Location where(std::string_view key_path) const;

  /// Throws InputError: this value, at its place, with `message`.
  [[noreturn]] void fail(std::string const& message) const;
  /// Throws the error "expected `what`, found …".
  [[noreturn]] void expected(std::string const& what) const;

  // Maps. A null counts as an empty map.

  std::vector<std::string> keys() const;
  bool has(std::string_view key) const;
  /// The value of `key`; an error when it is missing.
  YamlNode at(std::string_view key) const;
  std::optional<YamlNode> find(std::string_view key) const;
  /// A null in the place of a value that this node, of any kind, leaves out.
  YamlNode null_at(std::string_view key) const;
  /// Refuses what is not a map, and keys other than these.
  void expect_keys(std::span<std::string_view const> known) const;
  void expect_keys(std::initializer_list<std::string_view> known) const {
    expect_keys(std::span(known.begin(), known.size()));
  }

  // Lists.

  std::vector<YamlNode> items() const;

  // Scalars and lists of scalars.

  /// T: double, int, Index, bool, std::string, std::vector<double>, std::vector<Index>,
  /// std::vector<std::string>. Numbers (each of a list) must lie within `bounds` and be finite.
  template <class T>
  T as(Bounds bounds = any_number) const;

  /// `as` of the value of a required key.
  template <class T>
  T get(std::string_view key, Bounds bounds = any_number) const {
    return at(key).as<T>(bounds);
  }
  /// `as` of the value of a key, or `fallback` when the file leaves it out.
  template <class T>
  T get(std::string_view key, T fallback, Bounds bounds = any_number) const {
    auto const node = find(key);
    return node ? node->as<T>(bounds) : fallback;
  }

  Index as_bytes() const;       ///< "10 GiB"; above 0
  Seconds as_duration() const;  ///< "11h50m"; above 0

  /// One of the words of `choices`; those of `later` are refused as not built yet.
  template <class Value>
  Value as_choice(Choices<Value> choices, std::span<std::string_view const> later = {}) const {
    std::vector<std::string_view> names;
    for (auto const& choice : choices) names.push_back(choice.first);
    return choices[choose(names, later)].second;
  }
  template <class Value, std::size_t n>
  Value as_choice(std::pair<std::string_view, Value> const (&choices)[n],
                  std::span<std::string_view const> later = {}) const {
    return as_choice(Choices<Value>(choices), later);
  }
  template <class Value, std::size_t n>
  Value get_choice(std::string_view key, std::pair<std::string_view, Value> const (&choices)[n],
                   Value fallback, std::span<std::string_view const> later = {}) const {
    auto const node = find(key);
    return node ? node->as_choice(Choices<Value>(choices), later) : fallback;
  }

  /// The tree in one fixed form: keys sorted, scalars quoted, nothing of the file's layout,
  /// comments or anchors left. Two inputs that say the same have the same canonical text.
  std::string canonical() const;

 private:
  YamlNode(std::shared_ptr<detail::YamlDocument const> document, detail::YamlTree const* tree,
           std::string path)
      : document_(std::move(document)), tree_(tree), path_(std::move(path)) {}

  std::string const& scalar(std::string const& what) const;
  std::size_t choose(std::span<std::string_view const> names,
                     std::span<std::string_view const> later) const;

  std::shared_ptr<detail::YamlDocument const> document_;
  detail::YamlTree const* tree_ = nullptr;
  std::string path_;
};

/// The text of a file, read by rank 0. Collective. Throws InputError on all ranks when it cannot be
/// read.
std::string read_text(runtime::Communicator const& comm, std::string const& path);

}  // namespace widelimit::io
