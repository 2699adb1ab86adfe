/// \file
/// The tree behind YamlNode: what yaml-cpp parsed, with places, aliases written out, overrides
/// applied.
#pragma once

#include <string>
#include <vector>

namespace widelimit::io::detail {

struct YamlTree {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  int line = 0;                    ///< of the value or, in a map, of its key
  bool overridden = false;         ///< set on the command line
  std::string text;                ///< of a scalar
  std::vector<std::string> keys;   ///< of a map, one for each child
  std::vector<YamlTree> children;  ///< of a list or a map

  /// The value of a key, or nullptr.
  YamlTree const* find(std::string_view key) const;
};

struct YamlDocument {
  std::string file;
  YamlTree root;
};

/// Parses one YAML document. Throws InputError: syntax, duplicate keys, more than one document.
YamlTree parse_tree(std::string const& text, std::string const& file);

/// Applies `path=value` to the tree. Throws InputError naming `--set`.
void apply_override(YamlTree& root, std::string const& override_text);

/// One part of a key path: a key of a map or an index of a list.
struct PathPart {
  std::string key;
  int index = -1;  ///< from 0; below 0: a key
};

/// "a.b[2].c" in its parts; empty when it is not a path.
std::vector<PathPart> split_path(std::string_view path);

std::string canonical_text(YamlTree const& tree);

}  // namespace widelimit::io::detail
