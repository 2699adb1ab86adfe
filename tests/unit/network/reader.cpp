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

TEST(Reader, layers_that_are_not_built_are_refused_by_name) {
  auto const names = layer_names_not_built();
  EXPECT_EQ(names.size(), 11u);
  for (auto const name : names)
    test::expect_input_error(
        [&] { read("- dense\n- " + std::string(name) + ": {x: 1}\n"); },
        {"job.yaml:2: ", "the layer `" + std::string(name) + "`", "is not built in this version"});
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
