#include "widelimit/network/shapes.hpp"

#include <gtest/gtest.h>

#include "widelimit/network/reader.hpp"

#include "support/expect_input_error.hpp"

namespace widelimit::network {
namespace {

Sequence read(std::string const& text) {
  return read_network(io::YamlNode::parse(text, "job.yaml"));
}

InputShape image(Index height, Index width) {
  return {{height, width}, 3, {}, {}};
}

InputShape sequence(Index length) {
  return {{length}, 4, {{"bonds", length}}, {}};
}

TEST(Shapes, windows_along_an_axis) {
  using enum Padding;
  EXPECT_EQ(axis_windows(7, 3, 1, valid), (AxisWindows{5, 0}));
  EXPECT_EQ(axis_windows(7, 3, 2, valid), (AxisWindows{3, 0}));
  EXPECT_EQ(axis_windows(8, 3, 2, valid), (AxisWindows{3, 0}));
  EXPECT_EQ(axis_windows(2, 3, 1, valid).count, 0);
  EXPECT_EQ(axis_windows(3, 3, 5, valid), (AxisWindows{1, 0}));
  EXPECT_EQ(axis_windows(7, 3, 1, same), (AxisWindows{7, 1}));
  EXPECT_EQ(axis_windows(7, 4, 1, same), (AxisWindows{7, 1}));
  EXPECT_EQ(axis_windows(6, 3, 2, same), (AxisWindows{3, 0}));
  EXPECT_EQ(axis_windows(5, 3, 2, same), (AxisWindows{3, 1}));
  EXPECT_EQ(axis_windows(6, 1, 2, same), (AxisWindows{3, 0}));
  EXPECT_EQ(axis_windows(7, 5, 3, circular), (AxisWindows{3, 2}));
}

TEST(Shapes, windows_of_a_transposed_convolution) {
  using enum Padding;
  EXPECT_EQ(transposed_windows(4, 3, 2, valid), (AxisWindows{9, 2}));
  EXPECT_EQ(transposed_windows(4, 3, 2, same), (AxisWindows{8, 2}));
  EXPECT_EQ(transposed_windows(4, 4, 1, same), (AxisWindows{4, 2}));
  EXPECT_EQ(transposed_windows(4, 2, 3, valid), (AxisWindows{12, 1}));
  EXPECT_EQ(transposed_windows(4, 2, 3, same), (AxisWindows{12, 1}));
  EXPECT_EQ(transposed_windows(4, 3, 1, circular), (AxisWindows{4, 1}));
}

TEST(Shapes, positions_after_each_layer) {
  std::vector<std::tuple<std::string, Positions, Positions>> const cases{
      {"dense", {6, 5}, {6, 5}},
      {"conv", {6, 5}, {4, 3}},
      {"conv: {filter: [3, 2], strides: [2, 1], padding: same}", {6, 5}, {3, 5}},
      {"conv_local: {filter: [2, 1]}", {6, 5}, {5, 5}},
      {"conv_transpose: {filter: [3, 2], strides: [2, 1]}", {3, 4}, {7, 5}},
      {"conv: {filter: 2, strides: 2, padding: circular}", {7}, {4}},
      {"avg_pool: {window: [2, 2], strides: [2, 2]}", {6, 5}, {3, 2}},
      {"sum_pool: {window: 3, padding: same}", {6, 5}, {6, 5}},
      {"global_avg_pool", {6, 5}, {}},
      {"flatten", {6, 5}, {}},
      {"flatten", {}, {}},
      {"layer_norm: {axes: all}", {6, 5}, {6, 5}},
      {"global_self_attention", {6, 5}, {6, 5}},
      {"aggregate: {pattern: p}", {6}, {6}},
      {"rnn", {6}, {}},
      {"rnn: {return: sequence}", {6}, {6}}};
  for (auto const& [layer, before, after] : cases)
    EXPECT_EQ(positions_after(read("- " + layer).front(), before), after) << layer;
}

TEST(Shapes, accepts_what_ends_without_positions) {
  std::vector<std::pair<std::string, InputShape>> const cases{
      {"[dense, relu, dense]", {{}, 10, {}, {}}},
      {"[flatten, dense, relu, dense]", {{}, 10, {}, {}}},
      {"[flatten, dense, relu, dense]", image(6, 5)},
      {"[conv, relu, conv, flatten, dense]", image(6, 5)},
      {"[conv: {padding: same}, residual: [relu, conv: {padding: same}], global_avg_pool]",
       image(6, 5)},
      {"[conv, sum: [[conv: {filter: 2, strides: 2}], [avg_pool: {window: 2, strides: 2}]], "
       "flatten]",
       image(6, 5)},
      {"[repeat: {times: 3, layers: [conv: {padding: same}, avg_pool: {window: 2, strides: 2}]}, "
       "flatten]",
       image(8, 8)},
      {"[repeat: {times: 1000000000, layers: [conv: {padding: same}, relu]}, flatten]",
       image(8, 8)},
      {"[aggregate: {pattern: bonds}, dense, relu, global_sum_pool, dense]", sequence(6)},
      {"[conv: {filter: 2}, rnn: {return: sequence}, rnn, dense]", sequence(6)},
      {"[global_self_attention, relu, global_avg_pool, dense]", sequence(6)},
      {"[conv, product: [[concat: [[relu], [erf]]], [concat: [[conv: {padding: same}], [conv: "
       "{padding: same}]]]], flatten, dense]",
       image(6, 5)}};
  for (auto const& [text, input] : cases) {
    SCOPED_TRACE(text);
    EXPECT_NO_THROW(EXPECT_EQ(infer_shapes(read(text), input, "job.yaml").positions, Positions()));
  }
}

TEST(Shapes, widths_count_branches_and_flattened_positions) {
  auto const width = [](std::string const& text, InputShape const& input) {
    return infer_shapes(read(text), input, "job.yaml").width;
  };
  EXPECT_EQ(width("[conv, relu, flatten]", image(6, 5)), 12);
  EXPECT_EQ(width("[conv, relu, flatten, dense]", image(6, 5)), 1);
  EXPECT_EQ(width("[dense, concat: [[relu], [erf], [dense]]]", {{}, 10, {}, {}}), 3);
}

TEST(Shapes, refuses_what_does_not_fit_and_names_both_layers) {
  std::vector<std::tuple<std::string, InputShape, std::vector<std::string>>> const cases{
      {"- conv: {padding: same}\n- conv: {filter: [2, 6]}\n- flatten\n",
       image(6, 5),
       {"job.yaml:2: network: ", "`conv` (line 2) leaves no positions", "its filter of 6",
        "the 5 positions of axis 2", "which `conv` (line 1) leaves", "padding: same"}},
      {"- conv: {filter: 7}\n- flatten\n",
       image(6, 8),
       {"its filter of 7 is longer than the 6 positions of axis 1, which the data have"}},
      {"- conv\n- avg_pool: {window: [5, 2]}\n- flatten\n",
       image(6, 5),
       {"job.yaml:2: ", "`avg_pool` (line 2) leaves no positions", "its window of 5", "(line 1)"}},
      {"- repeat:\n    times: 4\n    layers:\n    - conv: {padding: same}\n"
       "    - avg_pool: {window: 2, strides: 2}\n- flatten\n",
       image(8, 8),
       {"job.yaml:5: ", "`avg_pool` (line 5) leaves no positions", "the 1 position of axis 1"}},
      {"- conv: {filter: [3, 3]}\n- flatten\n",
       sequence(7),
       {"filter of `conv` (line 1) has 2 numbers, [3, 3], but the data have 7 positions"}},
      {"- conv: {filter: 3, strides: [1, 2]}\n- flatten\n", sequence(7), {"strides of `conv`"}},
      {"- conv\n- global_avg_pool\n",
       {{}, 10, {}, {}},
       {"job.yaml:1: ", "`conv` (line 1) works on positions", "the data are vectors, [N, D]",
        "[N, H, W, C]"}},
      {"- dense\n- global_self_attention\n",
       {{}, 10, {}, {}},
       {"`global_self_attention` (line 2) works on positions, but `dense` (line 1) leaves none"}},
      {"- conv\n- flatten\n- dense\n- avg_pool: {window: 2}\n",
       image(6, 5),
       {"job.yaml:4: ", "`avg_pool` (line 4) works on positions", "`dense` (line 3) leaves none"}},
      {"- conv\n- flatten\n- global_sum_pool\n", image(6, 5), {"`flatten` (line 2) leaves none"}},
      {"- conv\n- rnn\n",
       image(6, 5),
       {"`rnn` (line 2) works on sequences", "`conv` (line 1) leaves 4 x 3 positions"}},
      {"- aggregate: {pattern: bonds}\n- dense\n- flatten\n", image(6, 5), {"the data have 6 x 5"}},
      {"- aggregate: {pattern: bond}\n- dense\n- flatten\n",
       sequence(6),
       {"`aggregate` (line 1)", "the pattern `bond`", "mean `bonds`?", "data.train.patterns"}},
      {"- conv\n- aggregate: {pattern: bonds}\n- flatten\n",
       sequence(6),
       {"`aggregate` (line 2)", "`bonds` of 6 nodes", "`conv` (line 1) leaves 4 positions"}},
      {"- conv: {padding: same}\n- sum:\n  - [conv: {padding: same}]\n  - - relu\n    - conv\n"
       "- flatten\n",
       image(6, 5),
       {"job.yaml:2: ", "branches of `sum` (line 2) do not join",
        "branch 1, made by `conv` (line 3), has 6 x 5 positions",
        "branch 2, made by `conv` (line 5), has 4 x 3 positions"}},
      {"- conv\n- concat: [[relu], [dense], [flatten]]\n",
       image(6, 5),
       {"`concat` (line 2)", "branch 1, made by `relu` (line 2), has 4 x 3 positions",
        "branch 3, made by `flatten` (line 2), has no positions"}},
      {"- product: [[conv], [conv: {padding: same}]]\n- flatten\n", image(6, 5), {"`product`"}},
      {"- conv\n- residual: [relu, conv]\n- flatten\n",
       image(6, 5),
       {"`residual` (line 2) do not join", "x, made by `conv` (line 1), has 4 x 3",
        "f(x), made by `conv` (line 2), has 2 x 1 positions"}},
      {"- dense\n- product:\n  - [concat: [[dense], [dense]]]\n  - [dense]\n",
       {{}, 10, {}, {}},
       {"`product` (line 2) have unequal widths", "`concat` (line 3)", "`dense` (line 4)"}},
      {"- conv\n- product: [[flatten], [global_avg_pool, dense]]\n",
       image(6, 5),
       {"unequal widths", "`flatten` (line 2)", "12 and 1"}},
      {"- conv\n- relu\n- dense\n",
       image(6, 5),
       {"job.yaml:3: ", "ends with `dense` (line 3) and still has 4 x 3 positions",
        "`global_avg_pool`"}},
      {"- dense\n- relu\n- dense\n",
       image(28, 28),
       {"job.yaml:3: ", "28 x 28 positions, those of the data", "`flatten` first", "--shape flat"}},
      {"- rnn: {return: sequence}\n- dense\n", sequence(6), {"still has 6 positions"}},
      {"- repeat: {times: 40, layers: [conv_transpose: {strides: 2}]}\n- flatten\n",
       image(6, 5),
       {"`conv_transpose` (line 1) makes", "more than can be computed"}}};
  for (auto const& [text, input, fragments] : cases)
    test::expect_input_error(
        [&, &text = text, &input = input] { infer_shapes(read(text), input, "job.yaml"); },
        fragments);
}

TEST(Shapes, sequences_that_are_not_whole_keep_positions_too) {
  InputShape input = sequence(9);
  input.lengths = {9, 3, 4};
  for (std::string const text :
       {"[conv, relu, conv: {padding: same}, global_avg_pool, dense]",
        "[aggregate: {pattern: bonds}, rnn: {return: sequence}, flatten, dense]",
        "[conv: {padding: same}, sum: [[conv], [avg_pool: {window: 3}]], global_avg_pool]"})
    EXPECT_NO_THROW(infer_shapes(read(text), input, "job.yaml")) << text;
  std::vector<std::pair<std::string, std::vector<std::string>>> const cases{
      {"- conv\n- conv\n- flatten\n",
       {"job.yaml:2: ", "`conv` (line 2) leaves no positions", "in a sequence of length 3"}},
      {"- conv: {padding: circular}\n- flatten\n", {"circular", "use padding: same"}},
      {"- conv: {padding: same}\n- sum: [[conv: {filter: 2, strides: 2}], [conv: {strides: 2}]]\n"
       "- flatten\n",
       {"do not join", "2 positions", "1 position", "in a sequence of length 4"}}};
  for (auto const& [text, fragments] : cases)
    test::expect_input_error([&, &text = text] { infer_shapes(read(text), input, "job.yaml"); },
                             fragments);
}

}  // namespace
}  // namespace widelimit::network
