#include "positional_layers.hpp"

#include "activations.hpp"

namespace widelimit::network::detail {
namespace {

using io::YamlNode;

/// A number for each axis, or one for all.
PerAxis read_per_axis(YamlNode const& node) {
  constexpr auto sizes = io::at_least(1);
  if (!node.is_list()) return {node.as<int>(sizes)};
  PerAxis numbers;
  for (auto const& item : node.items()) numbers.push_back(item.as<int>(sizes));
  if (numbers.empty() || numbers.size() > 2)
    node.fail("expected one number, or one for each axis of sequences (1) or images (2), found " +
              std::to_string(numbers.size()));
  return numbers;
}

PerAxis read_per_axis(YamlNode const& keys, std::string_view key, PerAxis fallback) {
  auto const node = keys.find(key);
  return node ? read_per_axis(*node) : fallback;
}

constexpr std::pair<std::string_view, Padding> paddings[] = {
    {"valid", Padding::valid}, {"same", Padding::same}, {"circular", Padding::circular}};

void read_embedding(YamlNode const& keys, Attention& attention) {
  using Embedding = Attention::Embedding;
  static constexpr std::pair<std::string_view, Embedding> embeddings[] = {
      {"none", Embedding::none}, {"sum", Embedding::sum}, {"concat", Embedding::concat}};
  attention.embedding = keys.get_choice("pos_emb_type", embeddings, attention.embedding);
  attention.w_pos_emb_std = keys.get("w_pos_emb_std", attention.w_pos_emb_std, io::non_negative);
  attention.val_pos_emb = keys.get("val_pos_emb", attention.val_pos_emb);
  if (auto const channels = keys.find("n_chan_pos_emb")) {
    if (attention.embedding != Embedding::concat)
      channels->fail("only an embedding of pos_emb_type: concat has channels of its own");
    attention.n_chan_pos_emb = channels->as<int>(io::at_least(1));
  }
  auto const decay = keys.find("pos_emb_decay");
  if (!decay || (decay->is_scalar() && decay->as<std::string>() == "none")) return;
  if (!decay->is_map()) decay->expected("none, or a map with length and p_norm");
  decay->expect_keys({"length", "p_norm"});
  Attention::Decay read;
  read.length = decay->get<double>("length", io::positive);
  read.p_norm = decay->get("p_norm", read.p_norm, io::positive);
  attention.decay = read;
}

}  // namespace

template <Conv::Weights weights>
Kind read_conv(YamlNode const& keys) {
  keys.expect_keys({"filter", "strides", "padding", "w_std", "b_std"});
  Conv conv;
  conv.weights = weights;
  conv.filter = read_per_axis(keys, "filter", conv.filter);
  conv.strides = read_per_axis(keys, "strides", conv.strides);
  conv.padding = keys.get_choice("padding", paddings, conv.padding);
  conv.w_std = keys.get("w_std", conv.w_std, io::non_negative);
  conv.b_std = keys.get("b_std", conv.b_std, io::non_negative);
  return conv;
}

template <Pool::Kind kind>
Kind read_pool(YamlNode const& keys) {
  if (kind == Pool::Kind::average) {
    keys.expect_keys({"window", "strides", "padding", "normalize_edges"});
  } else {
    keys.expect_keys({"window", "strides", "padding"});
  }
  Pool pool;
  pool.kind = kind;
  pool.window = read_per_axis(keys.at("window"));
  pool.strides = read_per_axis(keys, "strides", pool.strides);
  pool.padding = keys.get_choice("padding", paddings, pool.padding);
  pool.normalize_edges = keys.get("normalize_edges", pool.normalize_edges);
  return pool;
}

template <Pool::Kind kind>
Kind read_global_pool(YamlNode const& keys) {
  keys.expect_keys({});
  return GlobalPool{kind};
}

Kind read_flatten(YamlNode const& keys) {
  keys.expect_keys({});
  return Flatten{};
}

Kind read_attention(YamlNode const& keys) {
  using Mechanism = Attention::Mechanism;
  static constexpr std::pair<std::string_view, Mechanism> mechanisms[] = {
      {"softmax", Mechanism::softmax},
      {"identity", Mechanism::identity},
      {"abs", Mechanism::abs},
      {"relu", Mechanism::relu}};
  keys.expect_keys({"linear_scaling", "w_key_std", "w_query_std", "w_value_std", "w_out_std",
                    "b_std", "attention_mechanism", "pos_emb_type", "w_pos_emb_std",
                    "n_chan_pos_emb", "pos_emb_decay", "val_pos_emb"});
  Attention attention;
  attention.linear_scaling = keys.get("linear_scaling", attention.linear_scaling);
  attention.w_key_std = keys.get("w_key_std", attention.w_key_std, io::non_negative);
  attention.w_query_std = keys.get("w_query_std", attention.w_query_std, io::non_negative);
  attention.w_value_std = keys.get("w_value_std", attention.w_value_std, io::non_negative);
  attention.w_out_std = keys.get("w_out_std", attention.w_out_std, io::non_negative);
  attention.b_std = keys.get("b_std", attention.b_std, io::non_negative);
  attention.mechanism = keys.get_choice("attention_mechanism", mechanisms, attention.mechanism);
  if (!attention.linear_scaling && attention.mechanism != Mechanism::identity)
    keys.fail(
        "with linear_scaling: false only attention_mechanism: identity has a kernel in closed "
        "form; name it, or leave linear_scaling out");
  read_embedding(keys, attention);
  return attention;
}

Kind read_aggregate(YamlNode const& keys) {
  keys.expect_keys({"pattern"});
  return Aggregate{keys.get<std::string>("pattern")};
}

Kind read_rnn(YamlNode const& keys) {
  static constexpr std::pair<std::string_view, Rnn::Return> returns[] = {
      {"last", Rnn::Return::last}, {"sequence", Rnn::Return::sequence}};
  keys.expect_keys({"activation", "w_std", "u_std", "b_std", "return"});
  Rnn rnn;
  if (auto const node = keys.find("activation")) {
    if (node->is_map() && node->keys().size() == 1) {
      rnn.activation_name = node->keys().front();
      auto const inner = node->at(rnn.activation_name);
      rnn.activation = read_activation(rnn.activation_name, inner, inner);
    } else {
      if (!node->is_scalar())
        node->expected("an element-wise function: a bare word (`relu`) or a one-key map");
      rnn.activation_name = node->as<std::string>();
      rnn.activation = read_activation(rnn.activation_name, *node, node->null_at("activation"));
    }
  }
  rnn.w_std = keys.get("w_std", rnn.w_std, io::non_negative);
  rnn.u_std = keys.get("u_std", rnn.u_std, io::non_negative);
  rnn.b_std = keys.get("b_std", rnn.b_std, io::non_negative);
  rnn.returns = keys.get_choice("return", returns, rnn.returns);
  return rnn;
}

template Kind read_conv<Conv::Weights::shared>(YamlNode const&);
template Kind read_conv<Conv::Weights::local>(YamlNode const&);
template Kind read_conv<Conv::Weights::transposed>(YamlNode const&);
template Kind read_pool<Pool::Kind::average>(YamlNode const&);
template Kind read_pool<Pool::Kind::sum>(YamlNode const&);
template Kind read_global_pool<Pool::Kind::average>(YamlNode const&);
template Kind read_global_pool<Pool::Kind::sum>(YamlNode const&);

}  // namespace widelimit::network::detail
