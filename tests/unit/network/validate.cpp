#include "widelimit/network/validate.hpp"

#include <gtest/gtest.h>

#include "widelimit/network/reader.hpp"

#include "support/expect_input_error.hpp"

namespace widelimit::network {
namespace {

void check(std::string const& text) {
  validate(read_network(io::YamlNode::parse(text, "job.yaml")), "job.yaml");
}

TEST(Validate, accepts_what_has_a_limit) {
  for (std::string const text :
       {"[dense]",
        "[dense, relu]",
        "[dense, dense]",
        "[dense, layer_norm, relu, dense]",
        "[dense, layer_norm, hermite: {degree: 2}, dense]",
        "[dense, layer_norm, dropout: {mode: test}, hermite: {degree: 2}, dense]",
        "[dense, relu, dropout, dense]",
        "[dense, dropout: {mode: test}, relu, dense]",
        "[dense, residual: [relu, dense], relu, dense]",
        "[dense, residual: [relu, dense, layer_norm], relu, dense]",
        "[repeat: {times: 1000000000, layers: [dense, relu]}, dense]",
        "[dense, repeat: {times: 3, layers: [relu, dense]}]",
        "[dense, repeat: {times: 1, layers: [relu]}, dense]",
        "[sum: [[dense], [dense, relu, dense]], relu]",
        "[dense, sum: [[], [relu, dense]]]",
        "[dense, sum: [[layer_norm], [relu, dense]]]",
        "[dense, product: [[dense], [relu]], dense]",
        "[dense, product: [[], [dense, relu]]]",
        "[product: [[dense], [dense, sign]]]",
        "[concat: [[dense, relu], [dense]], dense]",
        "[dense, concat: [[], [relu], [erf]], dense]",
        "[dense, layer_norm, product: [[hermite: {degree: 1}], [dense]], dense]",
        "[dense, product: [[concat: [[relu], [erf]]], [concat: [[dense], [dense]]]], dense]",
        "[conv, relu, conv_local, avg_pool: {window: 2}, relu, conv_transpose, flatten, dense]",
        "[avg_pool: {window: 2}, flatten, dense]",
        "[aggregate: {pattern: p}, dense, aggregate: {pattern: p}, relu, global_sum_pool]",
        "[global_self_attention: {pos_emb_type: concat, n_chan_pos_emb: 2}, relu, flatten, dense]",
        "[conv, residual: [layer_norm, global_self_attention], relu, global_avg_pool, dense]",
        "[conv, residual: [relu, conv: {padding: same}], global_avg_pool, relu, dense]",
        "[rnn: {return: sequence}, rnn, dense, relu, dense]",
        "[conv, layer_norm, hermite: {degree: 2}, flatten, dense]"})
    EXPECT_NO_THROW(check(text)) << text;
}

TEST(Validate, refuses_what_has_none_and_names_both_layers) {
  std::vector<std::pair<std::string, std::vector<std::string>>> const cases{
      {"[]", {"job.yaml: network: ", "no weight layer"}},
      {"[relu, dense]", {"job.yaml:1: ", "`relu` (line 1) needs a Gaussian", "on the raw input"}},
      {"- dense\n- relu\n- erf\n",
       {"job.yaml:3: network: ", "`erf` (line 3) needs a Gaussian", "after `relu` (line 2)"}},
      {"- dense\n- relu\n- layer_norm\n", {"`layer_norm` (line 3)", "`relu` (line 2)"}},
      {"- layer_norm\n- dense\n", {"`layer_norm` (line 1)", "the raw input"}},
      {"- dense\n- dropout\n- relu\n", {"`relu` (line 3)", "after `dropout` (line 2)"}},
      {"- dropout\n- dense\n", {"job.yaml:1: ", "`dropout` (line 1) stands on the raw input"}},
      {"- dropout: {mode: test}\n- dense\n", {"`dropout` (line 1) stands on the raw input"}},
      {"- dense\n- hermite: {degree: 2}\n",
       {"job.yaml:2: ", "`hermite` (line 2) needs an input of unit variance", "`dense` (line 1)"}},
      {"- dense\n- layer_norm: {eps: 0.1}\n- hermite: {degree: 2}\n",
       {"`hermite` (line 3)", "`layer_norm` (line 2)", "eps"}},
      {"- dense\n- layer_norm\n- dense\n- hermite: {degree: 2}\n", {"after `dense` (line 3)"}},
      {"- residual: [relu, dense]\n", {"`residual` (line 1) adds its input", "the raw input"}},
      {"- dense\n- relu\n- residual: [dense]\n",
       {"job.yaml:3: ", "`residual` (line 3) adds its input", "`relu` (line 2)"}},
      {"- dense\n- residual:\n  - dense\n  - relu\n",
       {"job.yaml:2: ", "`residual` (line 2)", "ends with `relu` (line 4)"}},
      {"- dense\n- residual:\n  - layer_norm\n",
       {"inner layers of `residual` (line 2) pass on `dense` (line 1)", "not independent"}},
      {"- dense\n- residual: []\n", {"not independent"}},
      {"- dense\n- residual:\n  - residual: [relu, dense]\n",
       {"inner layers of `residual` (line 2) pass on `dense` (line 1)"}},
      {"- sum:\n  - []\n  - [dense]\n",
       {"`sum` (line 1)", "branch 1 passes on the raw input", "not Gaussian"}},
      {"- dense\n- sum:\n  - [dense]\n  - - dense\n    - relu\n",
       {"job.yaml:2: ", "`sum` (line 2)", "branch 2 ends with `relu` (line 5)"}},
      {"- dense\n- sum: [[], [relu, dense], [layer_norm]]\n",
       {"branches 1 and 3 of `sum` (line 2)", "`dense` (line 1)", "not independent"}},
      {"- dense\n- sum: [[], [residual: [relu, dense]]]\n", {"branches 1 and 2"}},
      {"- dense\n- product: [[relu], [erf]]\n",
       {"branches 1 and 2 of `product` (line 2)", "`dense` (line 1)", "not independent"}},
      {"- product: [[dense], []]\n", {"branch 2 of `product` (line 1)", "the raw input"}},
      {"- conv\n- flatten\n- relu\n", {"`relu` (line 3) needs a Gaussian", "`flatten` (line 2)"}},
      {"- avg_pool: {window: 2}\n- relu\n", {"`relu` (line 2)", "after `avg_pool` (line 1)"}},
      {"- flatten\n- dropout\n", {"`dropout` (line 2) stands on the raw input"}},
      {"- rnn\n- relu\n", {"`relu` (line 2) needs a Gaussian input", "after `rnn` (line 1)"}},
      {"- rnn: {activation: {hermite: {degree: 2}}}\n", {"`rnn` (line 1)", "unit variance"}},
      {"- conv\n- sum: [[], [avg_pool: {window: 1}]]\n", {"branches 1 and 2", "not independent"}},
      {"- conv\n- layer_norm: {axes: all}\n- hermite: {degree: 2}\n",
       {"`hermite` (line 3)", "over the channel axis"}},
      {"- conv\n- global_self_attention: {pos_emb_type: concat, n_chan_pos_emb: 2}\n",
       {"n_chan_pos_emb of `global_self_attention` (line 2)", "after `conv` (line 1)"}},
      {"- avg_pool: {window: 2}\n- flatten\n", {"no weight layer"}},
      {"- concat: [[], [dense]]\n- dense\n", {"branch 1 of `concat` (line 1)", "raw input"}},
      {"- dense\n- concat: [[], [dense]]\n- relu\n", {"`relu` (line 3)", "`concat` (line 2)"}},
      {"- dense\n- product: [[], [dense]]\n- relu\n", {"`relu` (line 3)", "`product` (line 2)"}},
      {"- dense\n- repeat:\n    times: 2\n    layers:\n    - relu\n",
       {"job.yaml:5: ", "`relu` (line 5) needs a Gaussian input", "after `relu` (line 5)"}},
      {"- repeat: {times: 2, layers: []}\n", {"job.yaml:1: network: ", "no weight layer"}}};
  for (auto const& [text, fragments] : cases)
    test::expect_input_error([&, &text = text] { check(text); }, fragments);
}

TEST(Validate, works_on_networks_made_without_a_file) {
  Sequence const network{
      {Dense{}, "dense"}, {Activation{Gelu{}}, "gelu"}, {Activation{Gelu{}}, "gelu"}};
  test::expect_input_error([&] { validate(network, ""); },
                           {"network: `gelu` needs a Gaussian input, but stands after `gelu`"});
}

}  // namespace
}  // namespace widelimit::network
