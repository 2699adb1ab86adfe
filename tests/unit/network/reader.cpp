#include "widelimit/network/reader.hpp"

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"

namespace widelimit::network {
namespace {

Sequence read(std::string const& text) {
  return read_network(io::YamlNode::parse(text, "job.yaml"));
}

/// The only layer of a network, read as `Kind`.
template <class Kind>
Kind only(std::string const& layer) {
  auto const sequence = read("- " + layer);
  EXPECT_EQ(sequence.size(), 1u);
  return std::get<Kind>(sequence.at(0).kind);
}

template <class Function>
Function activation(std::string const& layer) {
  return std::get<Function>(only<Activation>(layer));
}

TEST(Reader, layers_with_their_defaults_and_keys) {
  EXPECT_EQ(only<Dense>("dense").w_std, 1);
  EXPECT_EQ(only<Dense>("dense:").b_std, 0);
  auto const dense = only<Dense>("dense: {w_std: 1.5, b_std: 0.25}");
  EXPECT_EQ(dense.w_std, 1.5);
  EXPECT_EQ(dense.b_std, 0.25);
  EXPECT_EQ(only<LayerNorm>("layer_norm").axes, LayerNorm::Axes::channel);
  EXPECT_EQ(only<LayerNorm>("layer_norm").eps, 1e-12);
  auto const norm = only<LayerNorm>("layer_norm: {axes: all, eps: 0.05}");
  EXPECT_EQ(norm.axes, LayerNorm::Axes::all);
  EXPECT_EQ(norm.eps, 0.05);
  EXPECT_EQ(only<Dropout>("dropout").rate, 0.5);
  EXPECT_EQ(only<Dropout>("dropout").mode, Dropout::Mode::train);
  auto const dropout = only<Dropout>("dropout: {rate: 0.8, mode: test}");
  EXPECT_EQ(dropout.rate, 0.8);
  EXPECT_EQ(dropout.mode, Dropout::Mode::test);
}

TEST(Reader, layers_of_layers) {
  auto const residual = only<Residual>("residual: [relu, dense: {w_std: 2}]");
  ASSERT_EQ(residual.layers.size(), 2u);
  EXPECT_EQ(std::get<Dense>(residual.layers[1].kind).w_std, 2);
  auto const sum = only<Sum>("sum: [[], [relu, dense]]");
  ASSERT_EQ(sum.branches.size(), 2u);
  EXPECT_TRUE(sum.branches[0].empty());
  EXPECT_EQ(sum.branches[1].size(), 2u);
  EXPECT_EQ(only<Product>("product: [[dense], [dense], [dense]]").branches.size(), 3u);
  EXPECT_EQ(only<Concat>("concat: [[dense], [dense]]").branches.size(), 2u);
  auto const repeat = only<Repeat>("repeat: {times: 3, layers: [dense: {w_std: 1.4}, relu]}");
  EXPECT_EQ(repeat.times, 3);
  EXPECT_EQ(repeat.layers.size(), 2u);
}

TEST(Reader, layers_keep_name_and_line) {
  auto const sequence = read("- dense\n- repeat:\n    times: 2\n    layers:\n      - abs\n");
  EXPECT_EQ(sequence[0].line, 1);
  EXPECT_EQ(sequence[1].line, 2);
  EXPECT_EQ(sequence[1].name, "repeat");
  auto const& inner = std::get<Repeat>(sequence[1].kind).layers.at(0);
  EXPECT_EQ(inner.line, 5);
  EXPECT_EQ(inner.name, "abs");
}

TEST(Reader, rectifiers_are_one_family) {
  std::vector<std::tuple<std::string, double, double>> const cases{
      {"relu", 0, 1},
      {"abs", -1, 1},
      {"leaky_relu", 0.01, 1},
      {"leaky_relu: {alpha: -0.3}", -0.3, 1},
      {"abrelu: {a: -0.4, b: 1.3}", -0.4, 1.3}};
  for (auto const& [text, a, b] : cases) {
    auto const f = activation<AbRelu>(text);
    EXPECT_EQ(f.a, a) << text;
    EXPECT_EQ(f.b, b) << text;
  }
}

TEST(Reader, functions_with_three_parameters) {
  auto const erf = activation<Erf>("erf: {a: 1.4, b: 0.7, c: 0.3}");
  EXPECT_EQ(std::vector({erf.a, erf.b, erf.c}), std::vector({1.4, 0.7, 0.3}));
  auto const plain = activation<Erf>("erf");
  EXPECT_EQ(std::vector({plain.a, plain.b, plain.c}), std::vector({1., 1., 0.}));
  auto const logistic = activation<Erf>("sigmoid_like");
  EXPECT_EQ(std::vector({logistic.a, logistic.b, logistic.c}),
            std::vector({0.5, 1 / 2.4020563531719796, 0.5}));
  EXPECT_EQ(activation<Sin>("sin: {c: 0.6}").c, 0.6);
  EXPECT_EQ(activation<Cos>("cos: {b: 1.2}").b, 1.2);
}

TEST(Reader, the_other_element_wise_functions) {
  activation<Gelu>("gelu");
  activation<Sign>("sign");
  activation<Gabor>("gabor");
  EXPECT_EQ(activation<Rbf>("rbf").gamma, 1);
  EXPECT_EQ(activation<Rbf>("rbf: {gamma: 0.35}").gamma, 0.35);
  EXPECT_EQ(activation<Exp>("exp: {a: 0.7, b: -0.6}").b, -0.6);
  EXPECT_EQ(activation<Exp>("exp").b, 1);
  EXPECT_EQ(activation<Gaussian>("gaussian").b, -1);
  EXPECT_EQ(activation<Gaussian>("gaussian: {a: 1.2}").a, 1.2);
  auto const normalized = activation<ExpNormalized>("exp_normalized: {gamma: 0.6, do_clip: true}");
  EXPECT_EQ(normalized.gamma, 0.6);
  EXPECT_EQ(normalized.shift, -1);
  EXPECT_TRUE(normalized.do_clip);
  EXPECT_EQ(activation<Monomial>("monomial: {degree: 0}").degree, 0);
  EXPECT_EQ(activation<RectifiedMonomial>("rectified_monomial: {degree: 5}").degree, 5);
  EXPECT_EQ(activation<Polynomial>("polynomial: {coef: [0.3, 1]}").coef, (std::vector{0.3, 1.}));
  EXPECT_EQ(activation<Hermite>("hermite: {degree: 4}").degree, 4);
}

TEST(Reader, numerical_functions) {
  std::vector<std::pair<std::string, NumericalFunction>> const functions{
      {"tanh", NumericalFunction::tanh},         {"sigmoid", NumericalFunction::sigmoid},
      {"softplus", NumericalFunction::softplus}, {"swish", NumericalFunction::swish},
      {"elu", NumericalFunction::elu},           {"selu", NumericalFunction::selu},
      {"mish", NumericalFunction::mish}};
  for (auto const& [name, fn] : functions)
    EXPECT_EQ(activation<Numerical>("numerical: {fn: " + name + "}").fn, fn);
  EXPECT_EQ(activation<Numerical>("numerical: {fn: tanh}").points, 25);
  EXPECT_EQ(activation<Numerical>("numerical: {fn: tanh, points: 50}").points, 50);
  EXPECT_EQ(activation<Numerical>("numerical: {fn: tanh, points: auto}").points,
            Numerical::automatic);
}

TEST(Reader, every_named_layer_can_be_read_or_asks_for_its_keys) {
  for (auto const name : layer_names()) {
    try {
      read("- " + std::string(name));
    } catch (InputError const& e) {
      std::string const text = e.what();
      EXPECT_TRUE(text.find("is missing") != std::string::npos ||
                  text.find("expected a list") != std::string::npos)
          << text;
    }
  }
}

TEST(Reader, convolutions_and_their_defaults) {
  auto const plain = only<Conv>("conv");
  EXPECT_EQ(plain.weights, Conv::Weights::shared);
  EXPECT_EQ(plain.filter, PerAxis{3});
  EXPECT_EQ(plain.strides, PerAxis{1});
  EXPECT_EQ(plain.padding, Padding::valid);
  EXPECT_EQ(plain.w_std, 1);
  EXPECT_EQ(plain.b_std, 0);
  auto const conv =
      only<Conv>("conv_local: {filter: [3, 2], strides: 2, padding: same, w_std: 1.4, b_std: 0.1}");
  EXPECT_EQ(conv.weights, Conv::Weights::local);
  EXPECT_EQ(conv.filter, (PerAxis{3, 2}));
  EXPECT_EQ(conv.strides, PerAxis{2});
  EXPECT_EQ(conv.padding, Padding::same);
  EXPECT_EQ(conv.w_std, 1.4);
  EXPECT_EQ(conv.b_std, 0.1);
  auto const transposed = only<Conv>("conv_transpose: {filter: 4, padding: circular}");
  EXPECT_EQ(transposed.weights, Conv::Weights::transposed);
  EXPECT_EQ(transposed.filter, PerAxis{4});
  EXPECT_EQ(transposed.padding, Padding::circular);
}

TEST(Reader, pools_and_their_defaults) {
  auto const average = only<Pool>("avg_pool: {window: [2, 3]}");
  EXPECT_EQ(average.kind, Pool::Kind::average);
  EXPECT_EQ(average.window, (PerAxis{2, 3}));
  EXPECT_EQ(average.strides, PerAxis{1});
  EXPECT_EQ(average.padding, Padding::valid);
  EXPECT_FALSE(average.normalize_edges);
  EXPECT_TRUE(only<Pool>("avg_pool: {window: 2, normalize_edges: true}").normalize_edges);
  auto const sum = only<Pool>("sum_pool: {window: 2, strides: [2, 1], padding: same}");
  EXPECT_EQ(sum.kind, Pool::Kind::sum);
  EXPECT_EQ(sum.strides, (PerAxis{2, 1}));
  EXPECT_EQ(sum.padding, Padding::same);
  EXPECT_EQ(only<GlobalPool>("global_avg_pool").kind, Pool::Kind::average);
  EXPECT_EQ(only<GlobalPool>("global_sum_pool").kind, Pool::Kind::sum);
  only<Flatten>("flatten");
  EXPECT_EQ(only<Aggregate>("aggregate: {pattern: bonds}").pattern, "bonds");
}

TEST(Reader, attention_and_its_defaults) {
  using Mechanism = Attention::Mechanism;
  using Embedding = Attention::Embedding;
  auto const plain = only<Attention>("global_self_attention");
  EXPECT_TRUE(plain.linear_scaling);
  EXPECT_EQ(std::vector({plain.w_key_std, plain.w_query_std, plain.w_value_std, plain.w_out_std,
                         plain.w_pos_emb_std, plain.b_std}),
            std::vector({1., 1., 1., 1., 1., 0.}));
  EXPECT_EQ(plain.mechanism, Mechanism::softmax);
  EXPECT_EQ(plain.embedding, Embedding::none);
  EXPECT_FALSE(plain.n_chan_pos_emb || plain.decay || plain.val_pos_emb);
  auto const full = only<Attention>(
      "global_self_attention: {linear_scaling: false, attention_mechanism: identity, w_key_std: "
      "1.1, w_query_std: 1.2, w_value_std: 1.3, w_out_std: 1.4, b_std: 0.2, pos_emb_type: concat, "
      "w_pos_emb_std: 0.7, n_chan_pos_emb: 3, pos_emb_decay: {length: 2.5}, val_pos_emb: true}");
  EXPECT_FALSE(full.linear_scaling);
  EXPECT_EQ(full.mechanism, Mechanism::identity);
  EXPECT_EQ(std::vector({full.w_key_std, full.w_query_std, full.w_value_std, full.w_out_std,
                         full.w_pos_emb_std, full.b_std}),
            std::vector({1.1, 1.2, 1.3, 1.4, 0.7, 0.2}));
  EXPECT_EQ(full.embedding, Embedding::concat);
  EXPECT_EQ(full.n_chan_pos_emb, 3);
  EXPECT_EQ(full.decay.value().length, 2.5);
  EXPECT_EQ(full.decay.value().p_norm, 2);
  EXPECT_TRUE(full.val_pos_emb);
  std::vector<std::pair<std::string, Mechanism>> const mechanisms{
      {"softmax", Mechanism::softmax}, {"abs", Mechanism::abs}, {"relu", Mechanism::relu}};
  for (auto const& [name, mechanism] : mechanisms)
    EXPECT_EQ(
        only<Attention>("global_self_attention: {attention_mechanism: " + name + "}").mechanism,
        mechanism);
  auto const sum =
      only<Attention>("global_self_attention: {pos_emb_type: sum, pos_emb_decay: none}");
  EXPECT_EQ(sum.embedding, Embedding::sum);
  EXPECT_FALSE(sum.decay);
}

TEST(Reader, recurrent_networks_and_their_defaults) {
  auto const plain = only<Rnn>("rnn");
  EXPECT_EQ(std::get<Erf>(plain.activation).b, 1);
  EXPECT_EQ(plain.activation_name, "erf");
  EXPECT_EQ(std::vector({plain.w_std, plain.u_std, plain.b_std}), std::vector({1., 1., 0.}));
  EXPECT_EQ(plain.returns, Rnn::Return::last);
  auto const full =
      only<Rnn>("rnn: {activation: relu, w_std: 1.3, u_std: 0.9, b_std: 0.2, return: sequence}");
  EXPECT_EQ(std::get<AbRelu>(full.activation).a, 0);
  EXPECT_EQ(std::vector({full.w_std, full.u_std, full.b_std}), std::vector({1.3, 0.9, 0.2}));
  EXPECT_EQ(full.returns, Rnn::Return::sequence);
  auto const erf = only<Rnn>("rnn: {activation: {erf: {a: 0.5, c: 0.5}}}");
  EXPECT_EQ(std::get<Erf>(erf.activation).a, 0.5);
  EXPECT_EQ(erf.activation_name, "erf");
}

TEST(Reader, faults_name_line_key_and_what_to_do) {
  std::vector<std::pair<std::string, std::vector<std::string>>> const cases{
      {"dense", {"job.yaml:1: ", "a list of layers, found `dense`"}},
      {"- dense\n- rellu\n", {"job.yaml:2: [1]: ", "unknown layer `rellu`", "mean `relu`?"}},
      {"- dens: {w_std: 1}\n", {"job.yaml:1: [0].dens: ", "did you mean `dense`?"}},
      {"- dense:\n    w_sdt: 1\n", {"job.yaml:2: [0].dense.w_sdt: ", "did you mean `w_std`?"}},
      {"- dense: {w_std: wide}\n", {"[0].dense.w_std: ", "a number of at least 0", "`wide`"}},
      {"- dense: {b_std: -1}\n", {"[0].dense.b_std: ", "at least 0"}},
      {"- dense: 1.5\n", {"[0].dense: ", "a map of keys and values, found `1.5`"}},
      {"- dense: {}\n  b_std: 1\n", {"one-key map", "dense, b_std"}},
      {"- [dense]\n", {"[0]: ", "a layer: a bare word", "found a list"}},
      {"- \n", {"[0]: ", "found nothing"}},
      {"- relu: {alpha: 1}\n", {"[0].relu.alpha: ", "no keys are known here"}},
      {"- abrelu: {a: 1}\n", {"[0].abrelu: ", "`b` is missing"}},
      {"- monomial\n", {"`degree` is missing"}},
      {"- monomial: {degree: 6}\n", {"a whole number from 0 up to 5"}},
      {"- rectified_monomial: {degree: -1}\n", {"a whole number from 0 up to 5"}},
      {"- hermite: {degree: 1.5}\n", {"a whole number"}},
      {"- polynomial: {coef: []}\n", {"[0].polynomial.coef: ", "at least one coefficient"}},
      {"- numerical: {fn: tan}\n", {"one of tanh, sigmoid", "did you mean `tanh`?"}},
      {"- numerical: {fn: tanh, points: 0}\n", {"a whole number from 1 up to"}},
      {"- numerical: {fn: tanh, points: many}\n", {"[0].numerical.points: ", "`many`"}},
      {"- rbf: {gamma: 0}\n", {"a number above 0"}},
      {"- exp_normalized: {do_clip: maybe}\n", {"true or false"}},
      {"- dropout: {rate: 0}\n", {"a number above 0 up to 1"}},
      {"- dropout: {mode: tests}\n", {"one of train, test"}},
      {"- layer_norm: {axes: channels}\n", {"one of channel, all", "mean `channel`?"}},
      {"- conv: {filter: 0}\n", {"[0].conv.filter: ", "at least 1"}},
      {"- conv: {filter: []}\n", {"[0].conv.filter: ", "one number, or one for each axis"}},
      {"- conv: {strides: [1, 1, 1]}\n", {"[0].conv.strides: ", "found 3"}},
      {"- conv: {padding: sam}\n", {"one of valid, same, circular", "mean `same`?"}},
      {"- conv: {window: 2}\n", {"[0].conv.window: ", "unknown key"}},
      {"- avg_pool\n", {"[0].avg_pool: ", "`window` is missing"}},
      {"- sum_pool: {window: 2, normalize_edges: true}\n", {"normalize_edges: unknown key"}},
      {"- global_avg_pool: {window: 2}\n", {"no keys are known here"}},
      {"- flatten: {axis: 1}\n", {"no keys are known here"}},
      {"- aggregate\n", {"`pattern` is missing"}},
      {"- global_self_attention: {linear_scaling: false}\n",
       {"[0].global_self_attention: ", "only attention_mechanism: identity"}},
      {"- global_self_attention: {n_chan_pos_emb: 2}\n", {"n_chan_pos_emb: ", "concat"}},
      {"- global_self_attention: {pos_emb_decay: 2}\n", {"none, or a map with length"}},
      {"- global_self_attention: {pos_emb_decay: {p_norm: 1}}\n", {"`length` is missing"}},
      {"- global_self_attention: {pos_emb_decay: {length: 0}}\n", {"a number above 0"}},
      {"- rnn: {activation: dense}\n",
       {"[0].rnn.activation: ", "unknown element-wise function `dense`", "known: relu"}},
      {"- rnn: {activation: [relu]}\n", {"an element-wise function"}},
      {"- rnn: {activation: {erf: {d: 1}}}\n", {"[0].rnn.activation.erf.d: unknown key"}},
      {"- rnn: {return: all}\n", {"one of last, sequence"}},
      {"- residual\n", {"a list of layers, found nothing"}},
      {"- sum: [dense, relu]\n", {"[0].sum[0]: ", "a branch: a list of layers"}},
      {"- sum: {a: [dense]}\n", {"a list of branches"}},
      {"- concat: [[dense]]\n", {"[0].concat: ", "at least two branches, found 1"}},
      {"- repeat: {times: 0, layers: [dense]}\n", {"at least 1"}},
      {"- repeat: {layers: [dense]}\n", {"`times` is missing"}},
      {"- repeat: {times: 2}\n", {"`layers` is missing"}},
      {"- repeat:\n    times: 2\n    layers:\n    - sum:\n      - []\n      - - erff\n",
       {"job.yaml:6: [0].repeat.layers[0].sum[1][0]: ", "mean `erf`?"}}};
  for (auto const& [text, fragments] : cases)
    test::expect_input_error([&, &text = text] { read(text); }, fragments);
}

}  // namespace
}  // namespace widelimit::network
