/// \file
/// The slow interpreter that other tests compare with gives the reference kernels itself.
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "widelimit/network/reader.hpp"

#include "reference/network_interpreter.hpp"
#include "support/reference_file.hpp"

namespace widelimit {
namespace {

using reference::Kernels;
using test::Array;
using test::ReferenceFile;

/// The first `count` of the rows of an array.
std::vector<double> first_rows(Array const& array, int count) {
  auto const row = static_cast<long>(array.values.size()) / array.shape[0];
  return {array.values.begin(), array.values.begin() + count * row};
}

constexpr int n_rows = 2, n_cols = 1;  // of the reference points, to be quick

std::vector<double> joined(ReferenceFile const& file, std::string const& rows,
                           std::string const& cols) {
  auto all = first_rows(file.array(rows), n_rows);
  auto const more = first_rows(file.array(cols), n_cols);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Kernels points(ReferenceFile const& file, std::string const& name) {
  auto const shape = file.array(name + "/x1").shape;
  reference::Axes axes;
  if (shape.size() > 2) axes.height = static_cast<int>(shape[1]);
  if (shape.size() > 3) axes.width = static_cast<int>(shape[2]);
  axes.sequence = shape.size() == 3;
  reference::Patterns patterns;
  if (file.has(name + "/p1")) patterns["p"] = joined(file, name + "/p1", name + "/p2");
  return reference::input_kernels(joined(file, name + "/x1", name + "/x2"), n_rows + n_cols, axes,
                                  static_cast<int>(shape.back()), {}, patterns);
}

/// Largest relative deviation from the columns `first`… of the kernels of all points.
double worst(std::vector<reference::Quad> const& got, Array const& expected, int first, int cols) {
  double largest = 0;
  for (int i = 0; i < n_rows; ++i) {
    for (int j = 0; j < cols; ++j) {
      double const value = expected.values[i * expected.shape[1] + j];
      double const difference =
          std::abs(static_cast<double>(got[i * (n_rows + n_cols) + first + j]) - value);
      if (!(difference == 0)) largest = std::fmax(largest, difference / std::abs(value));
    }
  }
  return largest;
}

TEST(Interpreter, gives_the_reference_kernels) {
  if (!std::filesystem::exists(WIDELIMIT_KERNELS_FILE))
    GTEST_SKIP() << "no " << WIDELIMIT_KERNELS_FILE << "; set WIDELIMIT_SHARED_DIR";
  ReferenceFile const file(WIDELIMIT_KERNELS_FILE);
  int compared = 0, with_positions = 0;
  for (auto const& name : file.names()) {
    if (!file.has(name + "/x1")) continue;
    auto const text = file.text(name, "network");
    SCOPED_TRACE(name + "\n" + text);
    auto const network = network::read_network(io::YamlNode::parse(text, name));
    Kernels in = points(file, name), out;
    bool const positions = in.positions() > 1;
    try {
      out = reference::NetworkInterpreter{}(network, std::move(in));
    } catch (std::invalid_argument const&) {
      EXPECT_FALSE(positions);  // a function without a closed form here
      continue;
    }
    auto const compare = [&](std::vector<reference::Quad> const& got, std::string const& key,
                             double rtol, int first, int cols) {
      bool const exact = file.has(name + "/" + key + "_exact");
      auto const expected = file.array(name + "/" + key + (exact ? "_exact" : ""));
      EXPECT_LE(worst(got, expected, first, cols), exact ? 1e-14 : rtol) << key;
    };
    double const rtol_11 = file.number(name, "rtol_11"), rtol_12 = file.number(name, "rtol_12");
    compare(out.nngp, "nngp_11", rtol_11, 0, n_rows);
    compare(out.ntk, "ntk_11", rtol_11, 0, n_rows);
    compare(out.nngp, "nngp_12", rtol_12, n_rows, n_cols);
    compare(out.ntk, "ntk_12", rtol_12, n_rows, n_cols);
    ++compared;
    with_positions += positions ? 1 : 0;
  }
  EXPECT_GE(compared, 150);
  EXPECT_GE(with_positions, 80);
}

/// Whatever stands in positions that do not count, a sequence gives what it gives alone, cut to its
/// length, wherever padding does not depend on the length.
TEST(Interpreter, a_sequence_gives_what_it_gives_alone) {
  constexpr int length = 5, whole = 7, channels = 2;
  std::vector<double> x, cut;
  for (int k = 0; k < 2 * whole * channels; ++k) x.push_back(std::sin(1.7 * k + 0.3));
  cut.assign(x.begin(), x.begin() + length * channels);
  std::vector<double> pattern(2 * whole * whole), cut_pattern;
  for (int k = 0; k < 2 * whole * whole; ++k) pattern[k] = std::cos(0.9 * k);
  for (int k = 0; k < length * length; ++k)
    cut_pattern.push_back(pattern[k / length * whole + k % length]);
  for (std::string const text :
       {"[conv, relu, conv: {padding: same, b_std: 0.3}, erf, global_avg_pool, dense]",
        "[conv_local: {padding: same, b_std: 0.2}, relu, global_sum_pool]",
        "[conv: {padding: same, b_std: 0.1}, avg_pool: {window: 3, padding: same, "
        "normalize_edges: true}, relu, avg_pool: {window: 2, strides: 2}, global_avg_pool]",
        "[conv_transpose: {strides: 2, b_std: 0.2}, relu, global_avg_pool, dense]",
        "[conv_transpose: {filter: 2, strides: 2, padding: same}, layer_norm: {axes: all}, relu, "
        "global_avg_pool]",
        "[dense: {b_std: 0.2}, residual: [layer_norm, global_self_attention: {pos_emb_type: sum, "
        "pos_emb_decay: {length: 2}, val_pos_emb: true, b_std: 0.1}], global_avg_pool, dense]",
        "[global_self_attention: {linear_scaling: false, attention_mechanism: identity, "
        "pos_emb_type: concat, n_chan_pos_emb: 3}, relu, global_sum_pool]",
        "[aggregate: {pattern: p}, dense: {b_std: 0.2}, relu, aggregate: {pattern: p}, "
        "global_avg_pool]",
        "[rnn: {return: sequence, b_std: 0.3}, rnn: {activation: relu, b_std: 0.1}, dense]"}) {
    SCOPED_TRACE(text);
    auto const network = network::read_network(io::YamlNode::parse(text, "job.yaml"));
    auto const masked = reference::NetworkInterpreter{}(
        network, reference::input_kernels(x, 2, {whole, 1, true}, channels, {length, whole},
                                          {{"p", pattern}}));
    auto const alone = reference::NetworkInterpreter{}(
        network,
        reference::input_kernels(cut, 1, {length, 1, true}, channels, {}, {{"p", cut_pattern}}));
    ASSERT_EQ(masked.size(), 2);
    EXPECT_GT(alone.ntk[0], 0);
    EXPECT_NEAR(static_cast<double>(masked.nngp[0] / alone.nngp[0]), 1, 1e-15);
    EXPECT_NEAR(static_cast<double>(masked.ntk[0] / alone.ntk[0]), 1, 1e-15);
  }
}

}  // namespace
}  // namespace widelimit
