#include "widelimit/network/describe.hpp"

#include <gtest/gtest.h>

#include "widelimit/network/reader.hpp"

namespace widelimit::network {
namespace {

Sequence read(std::string const& text) {
  return read_network(io::YamlNode::parse(text, "job.yaml"));
}

TEST(Describe, indents_inner_layers_and_numbers_branches) {
  auto const text =
      describe(read("- dense: {w_std: 1.5}\n"
                    "- repeat: {times: 3, layers: [residual: [relu, dense]]}\n"
                    "- sum: [[], [erf, dense: {b_std: 0.1}]]\n"
                    "- dropout\n"));
  EXPECT_EQ(text,
            "dense  w_std 1.5, b_std 0\n"
            "repeat  3 times\n"
            "  residual  x + f(x)\n"
            "    relu  a 0, b 1\n"
            "    dense  w_std 1, b_std 0\n"
            "sum  of 2 branches\n"
            "  branch 1: the identity\n"
            "  branch 2\n"
            "    erf  a 1, b 1, c 0\n"
            "    dense  w_std 1, b_std 0.1\n"
            "dropout  rate 0.5 kept, mode train\n");
  EXPECT_EQ(describe({}), "");
}

TEST(Describe, names_every_parameter) {
  std::vector<std::pair<std::string, std::string>> const cases{
      {"gelu", "gelu\n"},
      {"sin: {c: 0.6}", "sin  a 1, b 1, c 0.6\n"},
      {"cos", "cos  a 1, b 1, c 0\n"},
      {"rbf", "rbf  gamma 1\n"},
      {"exp", "exp  a 1, b 1\n"},
      {"gaussian", "gaussian  a 1, b -1\n"},
      {"exp_normalized", "exp_normalized  gamma 1, shift -1, do_clip false\n"},
      {"monomial: {degree: 2}", "monomial  degree 2\n"},
      {"rectified_monomial: {degree: 3}", "rectified_monomial  degree 3\n"},
      {"hermite: {degree: 4}", "hermite  degree 4\n"},
      {"polynomial: {coef: [0.5, 2]}", "polynomial  coef [0.5, 2]\n"},
      {"numerical: {fn: mish}", "numerical  fn mish, points 25\n"},
      {"numerical: {fn: tanh, points: auto}", "numerical  fn tanh, points auto\n"},
      {"conv: {filter: [3, 2], padding: same}",
       "conv  filter [3, 2], strides 1, padding same, w_std 1, b_std 0\n"},
      {"conv_transpose: {strides: 2, b_std: 0.5}",
       "conv_transpose  filter 3, strides 2, padding valid, w_std 1, b_std 0.5\n"},
      {"avg_pool: {window: [2, 2]}",
       "avg_pool  window [2, 2], strides 1, padding valid, normalize_edges false\n"},
      {"sum_pool: {window: 2, padding: circular}",
       "sum_pool  window 2, strides 1, padding circular\n"},
      {"global_avg_pool", "global_avg_pool\n"},
      {"flatten", "flatten\n"},
      {"aggregate: {pattern: bonds}", "aggregate  pattern bonds\n"},
      {"global_self_attention",
       "global_self_attention  linear_scaling true, attention_mechanism softmax, w_key_std 1, "
       "w_query_std 1, w_value_std 1, w_out_std 1, b_std 0, pos_emb_type none\n"},
      {"global_self_attention: {pos_emb_type: concat, n_chan_pos_emb: 2, pos_emb_decay: {length: "
       "3}, val_pos_emb: true}",
       "global_self_attention  linear_scaling true, attention_mechanism softmax, w_key_std 1, "
       "w_query_std 1, w_value_std 1, w_out_std 1, b_std 0, pos_emb_type concat of 2 channels, "
       "w_pos_emb_std 1, pos_emb_decay length 3 p_norm 2, val_pos_emb true\n"},
      {"rnn: {return: sequence}",
       "rnn  activation erf (a 1, b 1, c 0), w_std 1, u_std 1, b_std 0, return sequence\n"},
      {"layer_norm: {axes: all}", "layer_norm  axes all, eps 1e-12\n"}};
  for (auto const& [layer, text] : cases) EXPECT_EQ(describe(read("- " + layer)), text);
}

TEST(Describe, tells_positions_where_they_change) {
  auto const network = read(
      "- conv: {padding: same}\n"
      "- repeat: {times: 2, layers: [relu, conv: {padding: same, strides: 2}]}\n"
      "- residual: [relu, dense]\n"
      "- concat: [[relu, flatten], [flatten]]\n"
      "- dense\n");
  EXPECT_EQ(describe(network, Positions{8, 6}),
            "conv  filter 3, strides 1, padding same, w_std 1, b_std 0\n"
            "repeat  2 times  -> 2 x 2 positions\n"
            "  relu  a 0, b 1\n"
            "  conv  filter 3, strides 2, padding same, w_std 1, b_std 0  -> 4 x 3 positions\n"
            "residual  x + f(x)\n"
            "  relu  a 0, b 1\n"
            "  dense  w_std 1, b_std 0\n"
            "concat  of 2 branches  -> no positions\n"
            "  branch 1\n"
            "    relu  a 0, b 1\n"
            "    flatten  -> no positions\n"
            "  branch 2\n"
            "    flatten  -> no positions\n"
            "dense  w_std 1, b_std 0\n");
}

TEST(Describe, counts_repeated_and_inner_layers) {
  auto const network = read(
      "- repeat: {times: 3, layers: [dense, relu, residual: [erf, dense]]}\n"
      "- concat: [[dense], [gelu, dense]]\n"
      "- conv\n- global_self_attention\n- rnn\n"
      "- dense\n");
  EXPECT_EQ(count_weight_layers(network), 12);
  EXPECT_EQ(count_activations(network), 8);
}

}  // namespace
}  // namespace widelimit::network
