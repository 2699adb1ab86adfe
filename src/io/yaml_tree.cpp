#include "yaml_tree.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <numeric>

#include <yaml-cpp/yaml.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::io::detail {
namespace {

/// Aliases are written out, so a short file can hold a huge or an endless tree.
constexpr int max_depth = 100;
constexpr int max_nodes = 1000000;

class TreeBuilder {
 public:
  explicit TreeBuilder(std::string file) : file_(std::move(file)) {}

  YamlTree operator()(YAML::Node const& node, std::string const& path) {
    if (++depth_ > max_depth || ++count_ > max_nodes)
      throw InputError({file_, line_of(node), path}, "too deeply or too often nested");
    YamlTree tree;
    tree.line = line_of(node);
    if (node.IsScalar()) {
      tree.kind = YamlTree::Kind::scalar;
      tree.text = node.Scalar();
    } else if (node.IsSequence()) {
      tree.kind = YamlTree::Kind::list;
      for (auto const& item : node)
        tree.children.push_back(
            (*this)(item, path + "[" + std::to_string(tree.children.size()) + "]"));
    } else if (node.IsMap()) {
      tree.kind = YamlTree::Kind::map;
      for (auto const& entry : node) add_entry(tree, entry.first, entry.second, path);
    }
    --depth_;
    return tree;
  }

 private:
  static int line_of(YAML::Node const& node) { return node.Mark().line + 1; }

  void add_entry(YamlTree& map, YAML::Node const& key, YAML::Node const& value,
                 std::string const& path) {
    int const line = line_of(key);
    if (!key.IsScalar()) throw InputError({file_, line, path}, "a key of a map must be one word");
    std::string const full = path.empty() ? key.Scalar() : path + "." + key.Scalar();
    if (auto const* first = map.find(key.Scalar()))
      throw InputError({file_, line, full}, "this key stands twice in its map, first on line " +
                                                std::to_string(first->line));
    auto child = (*this)(value, full);
    child.line = line;
    map.keys.push_back(key.Scalar());
    map.children.push_back(std::move(child));
  }

  std::string file_;
  int depth_ = 0, count_ = 0;
};

void mark_overridden(YamlTree& tree) {
  tree.overridden = true;
  tree.line = 0;
  for (auto& child : tree.children) mark_overridden(child);
}

YamlTree& child_for(YamlTree& tree, PathPart const& part, std::string const& path) {
  auto const fail = [&](std::string const& message) -> void {
    throw InputError({"--set", 0, path}, message);
  };
  if (part.index >= 0) {
    if (tree.kind != YamlTree::Kind::list) fail("there is no list for an index to select from");
    if (part.index >= static_cast<int>(tree.children.size()))
      fail("the list has " + std::to_string(tree.children.size()) + " entries, counted from 0");
    return tree.children[static_cast<std::size_t>(part.index)];
  }
  if (tree.kind == YamlTree::Kind::scalar && tree.text == part.key) {  // `dense` and `dense.w_std`
    tree.kind = YamlTree::Kind::null;
    tree.text.clear();
  }
  if (tree.kind == YamlTree::Kind::null) tree.kind = YamlTree::Kind::map;
  if (tree.kind != YamlTree::Kind::map)
    fail("`" + part.key + "` cannot be set inside a " +
         (tree.kind == YamlTree::Kind::list ? "list; select an entry with [index]"
                                            : "single value"));
  auto const found = std::find(tree.keys.begin(), tree.keys.end(), part.key);
  if (found != tree.keys.end())
    return tree.children[static_cast<std::size_t>(found - tree.keys.begin())];
  tree.keys.push_back(part.key);
  tree.children.emplace_back();
  tree.children.back().overridden = true;
  return tree.children.back();
}

void append_quoted(std::string& out, std::string const& text) {
  out += '"';
  for (char const c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned>(c));
      out += code;
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_canonical(std::string& out, YamlTree const& tree) {
  bool const map = tree.kind == YamlTree::Kind::map;
  if (tree.kind == YamlTree::Kind::null) {
    out += "null";
  } else if (tree.kind == YamlTree::Kind::scalar) {
    append_quoted(out, tree.text);
  } else {
    std::vector<std::size_t> order(tree.children.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (map)
      std::sort(order.begin(), order.end(),
                [&](auto i, auto j) { return tree.keys[i] < tree.keys[j]; });
    out += map ? '{' : '[';
    for (std::size_t n = 0; n < order.size(); ++n) {
      if (n > 0) out += ", ";
      if (map) {
        append_quoted(out, tree.keys[order[n]]);
        out += ": ";
      }
      append_canonical(out, tree.children[order[n]]);
    }
    out += map ? '}' : ']';
  }
}

}  // namespace

YamlTree const* YamlTree::find(std::string_view key) const {
  auto const found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &children[static_cast<std::size_t>(found - keys.begin())];
}

YamlTree parse_tree(std::string const& text, std::string const& file) {
  try {
    auto const documents = YAML::LoadAll(text);
    if (documents.size() > 1)
      throw InputError({file, 0, ""}, "holds " + std::to_string(documents.size()) +
                                          " YAML documents; expected one (is there a line `---`?)");
    return documents.empty() ? YamlTree{} : TreeBuilder(file)(documents.front(), "");
  } catch (YAML::Exception const& e) {
    throw InputError({file, e.mark.is_null() ? 0 : e.mark.line + 1, ""},
                     "not valid YAML: " + e.msg);
  }
}

std::vector<PathPart> split_path(std::string_view path) {
  std::vector<PathPart> parts;
  while (!path.empty()) {
    if (path.front() == '[') {
      auto const end = path.find(']');
      int index = -1;
      if (end == std::string_view::npos) return {};
      auto const [stop, error] = std::from_chars(path.data() + 1, path.data() + end, index);
      if (error != std::errc() || stop != path.data() + end || index < 0) return {};
      parts.push_back({"", index});
      path.remove_prefix(end + 1);
    } else {
      if (!parts.empty()) {
        if (path.front() != '.') return {};
        path.remove_prefix(1);
      }
      auto const end = std::min(path.find_first_of(".["), path.size());
      if (end == 0) return {};
      parts.push_back({std::string(path.substr(0, end))});
      path.remove_prefix(end);
    }
  }
  return parts;
}

void apply_override(YamlTree& root, std::string const& override_text) {
  auto const equals = override_text.find('=');
  std::string const path = override_text.substr(0, equals);
  auto const parts = split_path(path);
  if (equals == std::string::npos || parts.empty())
    throw InputError("--set " + override_text +
                     ": expected KEY=VALUE, e.g. job.solver=cholesky or network[1].dense.w_std=2");
  YamlTree value;
  try {
    value = parse_tree(override_text.substr(equals + 1), "");
  } catch (InputError const& e) {
    throw InputError({"--set", 0, path}, std::string("the value is at fault: ") + e.what());
  }
  mark_overridden(value);
  YamlTree* place = &root;
  for (auto const& part : parts) place = &child_for(*place, part, path);
  *place = std::move(value);
}

std::string canonical_text(YamlTree const& tree) {
  std::string text;
  append_canonical(text, tree);
  return text;
}

}  // namespace widelimit::io::detail
