#include "widelimit/io/yaml.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "widelimit/io/spelling.hpp"
#include "widelimit/runtime/agree.hpp"

#include "yaml_tree.hpp"

namespace widelimit::io {
namespace {

using detail::YamlTree;
using Kind = YamlTree::Kind;

/// Numbers in messages: 5 rather than 5.000000.
std::string number_text(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

std::string short_text(YamlTree const& tree) {
  switch (tree.kind) {
    case Kind::null:
      return "nothing";
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a map";
    case Kind::scalar:
      break;
  }
  constexpr std::size_t longest = 60;
  return "`" +
         (tree.text.size() > longest ? tree.text.substr(0, longest) + "…"
                                     : std::string(tree.text)) +
         "`";
}

Location location(detail::YamlDocument const& document, YamlTree const& tree, std::string key) {
  if (tree.overridden) return {"--set", 0, std::move(key)};
  return {document.file, tree.line, std::move(key)};
}

std::string join_path(std::string const& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

}  // namespace

std::string Bounds::description() const {
  std::string text;
  if (std::isfinite(low)) text = (above_low ? " above " : " from ") + number_text(low);
  if (std::isfinite(high)) text += " up to " + number_text(high);
  if (text.starts_with(" from") && !std::isfinite(high)) text = " of at least " + number_text(low);
  return text;
}

YamlNode YamlNode::parse(std::string const& text, std::string const& file,
                         std::vector<std::string> const& overrides) {
  auto document = std::make_shared<detail::YamlDocument>();
  document->file = file;
  document->root = detail::parse_tree(text, file);
  for (auto const& one : overrides) detail::apply_override(document->root, one);
  auto const* root = &document->root;
  return {std::move(document), root, ""};
}

bool YamlNode::is_null() const {
  return tree_->kind == Kind::null;
}
bool YamlNode::is_scalar() const {
  return tree_->kind == Kind::scalar;
}
bool YamlNode::is_list() const {
  return tree_->kind == Kind::list;
}
bool YamlNode::is_map() const {
  return tree_->kind == Kind::map;
}

Location YamlNode::where() const {
  return location(*document_, *tree_, path_);
}

Location YamlNode::where(std::string_view key_path) const {
  auto const* tree = tree_;
  for (auto const& part : detail::split_path(key_path)) {
    YamlTree const* next = nullptr;
    if (part.index < 0)
      next = tree->find(part.key);
    else if (tree->kind == Kind::list && part.index < static_cast<int>(tree->children.size()))
      next = &tree->children[static_cast<std::size_t>(part.index)];
    if (next == nullptr) break;
    tree = next;
  }
  return location(*document_, *tree, join_path(path_, key_path));
}

void YamlNode::fail(std::string const& message) const {
  throw InputError(where(), message);
}

void YamlNode::expected(std::string const& what) const {
  fail("expected " + what + ", found " + short_text(*tree_));
}

std::vector<std::string> YamlNode::keys() const {
  if (!is_map() && !is_null()) expected("a map of keys and values");
  return tree_->keys;
}

bool YamlNode::has(std::string_view key) const {
  return find(key).has_value();
}

std::optional<YamlNode> YamlNode::find(std::string_view key) const {
  if (!is_map() && !is_null()) expected("a map of keys and values");
  auto const* child = tree_->find(key);
  if (child == nullptr) return {};
  return YamlNode(document_, child, join_path(path_, key));
}

YamlNode YamlNode::at(std::string_view key) const {
  if (auto node = find(key)) return *node;
  fail("the key `" + std::string(key) + "` is missing here");
}

YamlNode YamlNode::null_at(std::string_view key) const {
  auto nothing = std::make_shared<detail::YamlDocument>();
  nothing->file = document_->file;
  nothing->root.line = tree_->line;
  nothing->root.overridden = tree_->overridden;
  auto const* tree = &nothing->root;
  return {std::move(nothing), tree, join_path(path_, key)};
}

void YamlNode::expect_keys(std::span<std::string_view const> known) const {
  for (auto const& key : keys()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    auto where = find(key)->where();
    throw InputError(
        where, "unknown key" + suggestion(key, known) +
                   (known.empty() ? "; no keys are known here" : "; known here: " + join(known)));
  }
}

std::vector<YamlNode> YamlNode::items() const {
  if (!is_list()) expected("a list");
  std::vector<YamlNode> nodes;
  for (auto const& child : tree_->children)
    nodes.push_back({document_, &child, path_ + "[" + std::to_string(nodes.size()) + "]"});
  return nodes;
}

std::string const& YamlNode::scalar(std::string const& what) const {
  if (!is_scalar()) expected(what);
  return tree_->text;
}

template <>
double YamlNode::as<double>(Bounds bounds) const {
  std::string const what = "a number" + bounds.description();
  auto const value = parse_number(scalar(what));
  if (!value || !bounds.contains(*value)) expected(what);
  return *value;
}

template <>
Index YamlNode::as<Index>(Bounds bounds) const {
  std::string const what = "a whole number" + bounds.description();
  auto const value = parse_number(scalar(what));
  constexpr double exact = 9007199254740992.0;  // 2^53: beyond it a double skips whole numbers
  if (!value || *value != std::floor(*value) || std::abs(*value) > exact ||
      !bounds.contains(*value))
    expected(what);
  return static_cast<Index>(*value);
}

template <>
int YamlNode::as<int>(Bounds bounds) const {
  constexpr double low = std::numeric_limits<int>::min(), high = std::numeric_limits<int>::max();
  auto const value = as<Index>(bounds);
  if (!between(low, high).contains(static_cast<double>(value))) fail("this number is too large");
  return static_cast<int>(value);
}

template <>
bool YamlNode::as<bool>(Bounds) const {
  auto const& text = scalar("true or false");
  if (text != "true" && text != "false") expected("true or false");
  return text == "true";
}

template <>
std::string YamlNode::as<std::string>(Bounds) const {
  auto const& text = scalar("a text");
  if (text.empty()) expected("a text that is not empty");
  return text;
}

template <>
std::vector<double> YamlNode::as<std::vector<double>>(Bounds bounds) const {
  std::vector<double> values;
  for (auto const& item : items()) values.push_back(item.as<double>(bounds));
  return values;
}

template <>
std::vector<Index> YamlNode::as<std::vector<Index>>(Bounds bounds) const {
  std::vector<Index> values;
  for (auto const& item : items()) values.push_back(item.as<Index>(bounds));
  return values;
}

template <>
std::vector<std::string> YamlNode::as<std::vector<std::string>>(Bounds) const {
  std::vector<std::string> values;
  for (auto const& item : items()) values.push_back(item.as<std::string>());
  return values;
}

Index YamlNode::as_bytes() const {
  std::string const what = "a size above 0 with its unit, e.g. 10 GiB or 512 MiB";
  auto const bytes = parse_bytes(scalar(what));
  if (!bytes || *bytes <= 0) expected(what);
  return *bytes;
}

Seconds YamlNode::as_duration() const {
  std::string const what = "a time above 0 with its unit, e.g. 10 min, 11h50m or 1-12:00:00";
  auto const time = parse_duration(scalar(what));
  if (!time || time->count() <= 0) expected(what);
  return *time;
}

std::size_t YamlNode::choose(std::span<std::string_view const> names,
                             std::span<std::string_view const> later) const {
  std::string const what = "one of " + join(names);
  auto const& word = scalar(what);
  auto const found = std::find(names.begin(), names.end(), word);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  if (std::find(later.begin(), later.end(), word) != later.end())
    fail("`" + word + "` " + std::string(not_built) + "; built: " + join(names));
  std::vector<std::string_view> all(names.begin(), names.end());
  all.insert(all.end(), later.begin(), later.end());
  expected(what + suggestion(word, all));
}

std::string YamlNode::canonical() const {
  return detail::canonical_text(*tree_);
}

std::string read_text(runtime::Communicator const& comm, std::string const& path) {
  std::string text;
  runtime::agree_on_root(comm, [&] {
    if (std::filesystem::is_directory(path))
      throw InputError({path, 0, ""}, "is a folder; expected an input file in YAML");
    std::ifstream file(path, std::ios::binary);
    if (!file) throw InputError({path, 0, ""}, "cannot be read: " + std::string(strerror(errno)));
    text.assign(std::istreambuf_iterator<char>(file), {});
  });
  return comm.broadcast(text);
}

}  // namespace widelimit::io
