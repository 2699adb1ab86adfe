/// \file
/// Reads an input file into its options, and lists all keys it may have.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "widelimit/cli/options.hpp"
#include "widelimit/io/yaml.hpp"
#include "widelimit/network/layers.hpp"
#include "widelimit/runtime/communicator.hpp"

namespace widelimit::cli {

/// A whole input file, checked.
struct InputFile {
  explicit InputFile(io::YamlNode tree) : root(std::move(tree)) {}

  std::string path;
  std::string text;                    ///< as it stands in the file
  std::vector<std::string> overrides;  ///< the `--set` options applied to it
  io::YamlNode root;                   ///< the tree, with overrides

  std::string title;  ///< may be empty
  DataOptions data;
  network::Sequence network;                ///< empty where there is a program
  std::optional<program::Program> program;  ///< written out, in the place of the network
  Job job;
  Precision precision = Precision::double_;
  ResourceOptions resources;
  CheckpointOptions checkpoint;
  OutputOptions output;

  /// Where a key stands, for errors found later ("data.train.inputs").
  Location where(std::string_view key) const { return root.where(key); }
  /// The text with the overrides as comments below it, to be kept with the results.
  std::string recorded_text() const;
  /// What decides the entries of Gram matrices (data, network, precision), in canonical form: a
  /// checkpoint of tiles goes on only with the same.
  std::string matrix_identity() const;
  /// What decides the numbers of the whole job: that, and the keys of `job` but for those of effort.
  std::string job_identity() const;
};

/// Reads and checks an input file, the network included; data files are not opened. Collective:
/// rank 0 reads, all parse the same text. Throws InputError, the same on all ranks.
InputFile read_input(runtime::Communicator const& comm, std::string const& path,
                     std::vector<std::string> const& overrides = {});

/// The same from a text in memory, `path` being the place it stands for. Local.
InputFile parse_input(std::string const& text, std::string const& path,
                      std::vector<std::string> const& overrides = {});

/// Throws InputError where the training data have no targets. Local.
void require_targets(InputFile const& input);

/// Throws InputError when the results or the checkpoint would overwrite data that the run reads, or
/// each other. For use again after `--output` has replaced the output. Names are compared as files:
/// links and other spellings of a path are seen through. Local.
void require_separate_files(InputFile const& input);

/// A key of the input file.
struct KeyEntry {
  std::string_view name;
  std::string_view fallback;  ///< what holds when the key is left out; "required" otherwise
  std::string_view meaning;
};

/// The keys of one map of the input file.
struct KeySection {
  std::string_view path;  ///< of the map ("data.train"); empty: the file itself
  std::string_view when;  ///< of a job: its `type`; empty: always
  std::span<KeyEntry const> keys;
};

/// All maps of an input file but those of the network. The reader takes its keys from here.
std::vector<KeySection> key_sections();

/// The table of all keys, defaults and meanings, and of the layers of a network, for people.
std::string key_reference();

}  // namespace widelimit::cli
