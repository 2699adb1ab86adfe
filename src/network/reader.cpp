#include "widelimit/network/reader.hpp"

#include "widelimit/io/spelling.hpp"

#include "activations.hpp"
#include "positional_layers.hpp"

namespace widelimit::network {
namespace {

using detail::Kind;
using io::YamlNode;

struct LayerEntry {
  std::string_view name;
  Kind (*read)(YamlNode const&);  ///< from what stands behind the name (null for a bare word)
};

Kind read_dense(YamlNode const& keys) {
  keys.expect_keys({"w_std", "b_std"});
  Dense dense;
  dense.w_std = keys.get("w_std", dense.w_std, io::non_negative);
  dense.b_std = keys.get("b_std", dense.b_std, io::non_negative);
  return dense;
}

Kind read_layer_norm(YamlNode const& keys) {
  static constexpr std::pair<std::string_view, LayerNorm::Axes> axes[] = {
      {"channel", LayerNorm::Axes::channel}, {"all", LayerNorm::Axes::all}};
  keys.expect_keys({"axes", "eps"});
  LayerNorm norm;
  norm.axes = keys.get_choice("axes", axes, norm.axes);
  norm.eps = keys.get("eps", norm.eps, io::non_negative);
  return norm;
}

Kind read_dropout(YamlNode const& keys) {
  static constexpr std::pair<std::string_view, Dropout::Mode> modes[] = {
      {"train", Dropout::Mode::train}, {"test", Dropout::Mode::test}};
  constexpr io::Bounds probability{.low = 0, .high = 1, .above_low = true};
  keys.expect_keys({"rate", "mode"});
  Dropout dropout;
  dropout.rate = keys.get("rate", dropout.rate, probability);
  dropout.mode = keys.get_choice("mode", modes, dropout.mode);
  return dropout;
}

Kind read_residual(YamlNode const& layers) {
  return Residual{read_network(layers)};
}

template <class Join>
Kind read_branches(YamlNode const& list) {
  Join join;
  if (!list.is_list()) list.expected("a list of branches, each a list of layers");
  for (auto const& branch : list.items()) {
    if (!branch.is_list()) branch.expected("a branch: a list of layers ([] is the identity)");
    join.branches.push_back(read_network(branch));
  }
  if (join.branches.size() < 2)
    list.fail("expected at least two branches, found " + std::to_string(join.branches.size()));
  return join;
}

Kind read_repeat(YamlNode const& keys) {
  keys.expect_keys({"times", "layers"});
  return Repeat{keys.get<int>("times", io::at_least(1)), read_network(keys.at("layers"))};
}

constexpr LayerEntry layers[] = {{"dense", read_dense},
                                 {"conv", detail::read_conv<Conv::Weights::shared>},
                                 {"conv_local", detail::read_conv<Conv::Weights::local>},
                                 {"conv_transpose", detail::read_conv<Conv::Weights::transposed>},
                                 {"avg_pool", detail::read_pool<Pool::Kind::average>},
                                 {"sum_pool", detail::read_pool<Pool::Kind::sum>},
                                 {"global_avg_pool", detail::read_global_pool<Pool::Kind::average>},
                                 {"global_sum_pool", detail::read_global_pool<Pool::Kind::sum>},
                                 {"flatten", detail::read_flatten},
                                 {"layer_norm", read_layer_norm},
                                 {"dropout", read_dropout},
                                 {"global_self_attention", detail::read_attention},
                                 {"aggregate", detail::read_aggregate},
                                 {"rnn", detail::read_rnn},
                                 {"residual", read_residual},
                                 {"sum", read_branches<Sum>},
                                 {"product", read_branches<Product>},
                                 {"concat", read_branches<Concat>},
                                 {"repeat", read_repeat}};

Kind read_kind(std::string const& name, YamlNode const& place, YamlNode const& keys) {
  for (auto const& entry : layers)
    if (entry.name == name) return entry.read(keys);
  if (auto const found = detail::find_activation(name, keys)) return *found;
  auto const names = layer_names();
  place.fail("unknown layer `" + name + "`" + io::suggestion(name, names) +
             "; known: " + io::join(names));
}

Layer read_layer(YamlNode const& node) {
  if (node.is_scalar()) {
    auto const name = node.as<std::string>();
    return {read_kind(name, node, node.null_at(name)), name, node.line()};
  }
  std::string const form = "a layer: a bare word (`relu`) or a one-key map (`dense: {w_std: 1.5}`)";
  if (!node.is_map()) node.expected(form);
  auto const names = node.keys();
  if (names.size() != 1) {
    std::vector<std::string_view> const all(names.begin(), names.end());
    node.fail("expected " + form + ", found a map with the keys " + io::join(all) +
              " (are the keys of a layer indented below it?)");
  }
  auto const keys = node.at(names.front());
  return {read_kind(names.front(), keys, keys), names.front(), keys.line()};
}

}  // namespace

Sequence read_network(YamlNode const& list) {
  if (!list.is_list()) list.expected("a list of layers");
  Sequence sequence;
  for (auto const& item : list.items()) sequence.push_back(read_layer(item));
  return sequence;
}

std::vector<std::string_view> layer_names() {
  auto names = detail::activation_names();
  for (auto const& entry : layers) names.push_back(entry.name);
  return names;
}

}  // namespace widelimit::network
