/// \file
/// Kernels of networks with positions: what they must keep whatever the numbers are, how plans cut
/// them into stages, and that tiles, blocks and packs leave no trace.
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "widelimit/gram/symmetric_product.hpp"
#include "widelimit/network/reader.hpp"

#include "support/gram_matrix.hpp"

namespace widelimit {
namespace {

network::Sequence network_of(std::string const& text) {
  return network::read_network(io::YamlNode::parse(text, "test"));
}

std::vector<double> random_values(Index n, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<double> x(static_cast<std::size_t>(n));
  for (double& value : x) value = normal(engine);
  return x;
}

network::InputShape const image{{6, 5}, 3, {}, {}};
network::InputShape const sequence{{7}, 4, {}, {}};

char const* const pooled =
    "- conv: {padding: same, w_std: 1.4, b_std: 0.1}\n- relu\n"
    "- avg_pool: {window: 2, strides: 2}\n"
    "- conv: {filter: 2, padding: same, w_std: 1.3, b_std: 0.2}\n- erf\n- global_avg_pool\n- dense";
char const* const attending =
    "- dense: {w_std: 1.3, b_std: 0.2}\n- relu\n- global_self_attention: {w_key_std: 1.4}\n"
    "- layer_norm\n- gelu\n- global_avg_pool\n- dense";
char const* const recurrent =
    "- rnn: {activation: erf, w_std: 1.2, return: sequence}\n"
    "- rnn: {activation: relu, w_std: 1.1, b_std: 0.1}\n- dense";

/// Whether L·Lᵀ exists for a matrix plus a millionth of a millionth of its trace.
bool is_positive(test::Gram const& gram, std::vector<double> a) {
  Index const n = gram.rows;
  double trace = 0;
  for (Index i = 0; i < n; ++i) trace += a[i * n + i];
  for (Index j = 0; j < n; ++j) {
    double pivot = a[j * n + j] + 1e-12 * trace;
    for (Index k = 0; k < j; ++k) pivot -= a[j * n + k] * a[j * n + k];
    if (!(pivot > 0)) return false;
    a[j * n + j] = std::sqrt(pivot);
    for (Index i = j + 1; i < n; ++i) {
      for (Index k = 0; k < j; ++k) a[i * n + j] -= a[i * n + k] * a[j * n + k];
      a[i * n + j] /= a[j * n + j];
    }
  }
  return true;
}

double largest_difference(std::vector<double> const& a, std::vector<double> const& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0, largest = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    worst = std::fmax(worst, std::abs(a[k] - b[k]));
    largest = std::fmax(largest, std::abs(a[k]));
  }
  return worst / largest;
}

TEST(Positions, kernels_are_positive) {
  for (auto const& [text, shape] :
       {std::pair(pooled, image), std::pair(attending, sequence), std::pair(recurrent, sequence)}) {
    SCOPED_TRACE(text);
    Index d = shape.channels;
    for (Index const n : shape.positions) d *= n;
    // More points than a pack, two of them equal.
    auto x = random_values(19 * d, 3);
    std::copy(x.begin(), x.begin() + d, x.begin() + 18 * d);
    auto const grams = test::position_gram_matrices<double>(network_of(text), shape, {x}, {x});
    EXPECT_TRUE(is_positive(grams.self, grams.self.nngp));
    EXPECT_TRUE(is_positive(grams.self, grams.self.ntk));
    EXPECT_LE(largest_difference(grams.self.ntk, grams.cross.ntk), 1e-7);
  }
}

TEST(Positions, circular_networks_do_not_see_where_an_image_begins) {
  auto const network = network_of(
      "- conv: {padding: circular, w_std: 1.4}\n- relu\n"
      "- conv: {filter: [2, 3], padding: circular, b_std: 0.3}\n- relu\n- global_avg_pool\n- "
      "dense");
  Index const h = 6, w = 5, c = 3, d = h * w * c;
  auto const x = random_values(4 * d, 5);
  auto moved = x;
  for (Index i = 0; i < 4; ++i)
    for (Index y = 0; y < h; ++y)
      for (Index k = 0; k < w * c; ++k)
        moved[i * d + ((y + 2) % h) * w * c + (k + c) % (w * c)] = x[i * d + y * w * c + k];
  auto const there = test::position_gram_matrices<double>(network, image, {x}, {x});
  auto const here = test::position_gram_matrices<double>(network, image, {moved}, {x});
  EXPECT_LE(largest_difference(there.self.ntk, here.self.ntk), 1e-13);
  EXPECT_LE(largest_difference(there.cross.ntk, here.cross.ntk), 1e-8);
}

TEST(Positions, attention_does_not_see_the_order_of_positions) {
  Index const t = 7, c = 4;
  auto const x = random_values(5 * t * c, 6);
  auto turned = x;
  for (Index i = 0; i < 5; ++i)
    for (Index p = 0; p < t; ++p)
      for (Index k = 0; k < c; ++k)
        turned[(i * t + (3 * p + 2) % t) * c + k] = x[(i * t + p) * c + k];
  auto const there =
      test::position_gram_matrices<double>(network_of(attending), sequence, {x}, {x});
  auto const here =
      test::position_gram_matrices<double>(network_of(attending), sequence, {turned}, {turned});
  EXPECT_LE(largest_difference(there.self.ntk, here.self.ntk), 1e-13);
}

TEST(Positions, flat_and_equal_images_keep_their_digits_in_single) {
  auto const network = network_of(
      "- conv: {padding: same, w_std: 1.4, b_std: 0.1}\n- relu\n"
      "- conv: {padding: same, w_std: 1.4, b_std: 0.1}\n- relu\n"
      "- avg_pool: {window: 2, strides: 2}\n- conv: {filter: 2, b_std: 0.1}\n- relu\n- flatten\n"
      "- dense");
  network::InputShape const shape{{8, 8}, 1, {}, {}};
  std::vector<double> x(3 * 64, 0.5), y;
  auto const spot = random_values(3 * 4, 8);
  for (Index i = 0; i < 3; ++i)
    for (Index k = 0; k < 4; ++k) x[i * 64 + 18 + 8 * (k / 2) + k % 2] += 0.2 * spot[i * 4 + k];
  y = x;
  for (double& value : y) value *= 1 + 1e-7;
  auto const exact = test::position_gram_matrices<double>(network, shape, {x}, {y});
  auto const single = test::position_gram_matrices<float>(network, shape, {x}, {y});
  EXPECT_LE(largest_difference(exact.self.ntk, single.self.ntk), 2e-5);
  EXPECT_LE(largest_difference(exact.cross.ntk, single.cross.ntk), 2e-5);
}

/// Sequences of which the first `length` positions count, and those positions alone.
struct CutSequences {
  static constexpr Index n = 5, whole = 7, length = 4, channels = 4;
  test::PositionInputs padded{random_values(n * whole * channels, 11),
                              std::vector<Index>(n, length)};
  test::PositionInputs alone;

  CutSequences() {
    for (Index i = 0; i < n; ++i) {
      auto const from = padded.values.begin() + i * whole * channels;
      alone.values.insert(alone.values.end(), from, from + length * channels);
    }
  }

  /// Of Θ in this precision from what the sequences alone have in double.
  template <class Real>
  double error(std::string const& text) const {
    auto const network = network_of(text);
    network::InputShape shape{{whole}, channels, {}, padded.lengths};
    auto const got = test::position_gram_matrices<Real>(network, shape, padded, padded);
    auto const expected =
        test::position_gram_matrices<double>(network, {{length}, channels, {}, {}}, alone, alone);
    return std::fmax(largest_difference(got.self.ntk, expected.self.ntk),
                     largest_difference(got.cross.ntk, expected.cross.ntk));
  }
};

TEST(Positions, embeddings_do_not_reach_beyond_the_end) {
  std::string const attention =
      "- dense: {b_std: 0.2}\n- relu\n- global_self_attention: {linear_scaling: false, "
      "attention_mechanism: identity, b_std: 0.3, pos_emb_type: sum, pos_emb_decay: {length: 2}";
  std::string const rest = "}\n- relu\n- global_avg_pool\n- dense";
  EXPECT_LE(CutSequences().error<double>(attention + rest), 1e-7);
  EXPECT_LE(CutSequences().error<double>(attention + ", val_pos_emb: true" + rest), 1e-7);
}

TEST(Positions, single_positions_go_on_after_masks) {
  std::string const half = "- conv: {filter: 2, strides: 2, padding: valid, b_std: 0.3}\n- relu\n";
  EXPECT_LE(CutSequences().error<double>(half + half +
                                         "- conv: {filter: 1}\n- erf\n- global_avg_pool\n- dense"),
            1e-7);
}

TEST(Positions, normalization_leaves_nothing_beyond_the_end) {
  std::string const before = "- dense: {w_std: 1.3}\n- relu\n- dense\n- layer_norm";
  std::string const after = "\n- global_sum_pool\n- dense";
  EXPECT_LE(CutSequences().error<double>(before + after), 1e-13);
  EXPECT_LE(CutSequences().error<float>(before + after), 1e-5);
  EXPECT_LE(CutSequences().error<float>(before + ": {axes: all}" + after), 1e-5);
}

class PositionTiles : public testing::Test {
 protected:
  static constexpr Index n = 37, d = 7 * 4;

  PositionTiles() {
    points_ = test::PositionInputs{random_values(n * d, 9)}.points<double>(d);
    program_ = gram::bind(gram::compile(network_of(attending), sequence), std::vector{&points_});
    matrix_.resize(n * n);
    gram::TileEvaluator<double>(program_, points_, points_, gram::Output::ntk)(
        {0, n}, {0, n}, nullptr, matrix_.data(), n);
  }

  gram::Points<double> points_;
  gram::BoundProgram<double> program_;
  std::vector<double> matrix_;
};

TEST_F(PositionTiles, hold_what_the_whole_matrix_holds) {
  gram::TileEvaluator<double> const evaluate(program_, points_, points_, gram::Output::ntk);
  for (auto const& [rows, cols] : {std::pair(Range{3, 9}, Range{3, 9}),
                                   {{3, 9}, {20, 37}},
                                   {{30, 37}, {20, 37}},
                                   {{0, 20}, {10, 12}}}) {
    std::vector<double> tile(static_cast<std::size_t>(rows.size() * cols.size()));
    evaluate(rows, cols, nullptr, tile.data(), cols.size());
    for (Index i = 0; i < rows.size(); ++i) {
      for (Index j = 0; j < cols.size(); ++j)
        EXPECT_NEAR(tile[i * cols.size() + j], matrix_[(rows.begin + i) * n + cols.begin + j],
                    1e-13);
    }
  }
}

TEST_F(PositionTiles, have_the_diagonal_of_their_points) {
  auto const diagonal =
      Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, points_.ntk_diagonal);
  for (Index i = 0; i < n; ++i) EXPECT_NEAR(matrix_[i * n + i], diagonal(i), 1e-13);
}

TEST_F(PositionTiles, multiply_columns_as_the_matrix_does) {
  std::vector<double> const x = random_values(n, 10);
  std::vector<double> y(n, 0.0);
  gram::SymmetricProduct<double>({program_, points_, gram::Kernel::ntk})
      .add(
          1,
          [](Index) {
            return gram::MatrixPart<double>{{0, n}, {0, n}, nullptr, 0};
          },
          x.data(), y.data(), n, 1, gram::PartSums::exact, [] { return true; });
  for (Index i = 0; i < n; ++i) {
    double sum = 0;
    for (Index j = 0; j < n; ++j) sum += matrix_[i * n + j] * x[j];
    EXPECT_NEAR(y[i], sum, 1e-12);
  }
}

/// Shifts of the planes of each stage.
std::vector<std::size_t> shifts_of(std::string const& text, network::InputShape const& shape) {
  std::vector<std::size_t> counts;
  auto const plan = gram::compile(network_of(text), shape);
  for (auto const& stage : plan.positions->stages) counts.push_back(stage.shifts.size());
  return counts;
}

TEST(PositionPlan, needs_the_shifts_that_later_layers_mix) {
  network::InputShape const eight{{8, 8}, 1, {}, {}};
  std::string const conv = "- conv: {padding: same}\n- relu\n";
  std::string const pool = "- avg_pool: {window: 2, strides: 2}\n";
  using Counts = std::vector<std::size_t>;
  EXPECT_EQ(shifts_of(conv + conv + "- flatten\n- dense", eight), (Counts{1, 1}));
  EXPECT_EQ(shifts_of(conv + conv + "- global_avg_pool\n- dense", eight), (Counts{225, 1}));
  EXPECT_EQ(shifts_of(conv + pool + conv + "- flatten\n- dense", eight), (Counts{9, 1, 1}));
  // Strides of 2: even shifts alone.
  EXPECT_EQ(
      shifts_of(conv + "- conv: {strides: 2, padding: same}\n- relu\n- global_avg_pool\n- dense",
                eight),
      (Counts{49, 49, 1}));
}

TEST(PositionPlan, fuses_convolutions_and_their_relu) {
  network::InputShape const eight{{8, 8}, 1, {}, {}};
  std::string text;
  for (int k = 0; k < 3; ++k) text += "- conv: {padding: same}\n- relu\n";
  auto const plan = gram::compile(network_of(text + "- global_avg_pool\n- dense"), eight);
  EXPECT_EQ(plan.positions->n_planes, 1);
  EXPECT_NE(gram::describe(*plan.positions, 4).find("225 of 225 shifts"), std::string::npos);
  EXPECT_NE(gram::describe(*plan.positions, 4).find("conv+relu x 3"), std::string::npos);
  // Some sixty operations for each of 64² pairs of positions and three layers.
  EXPECT_NEAR(gram::flops_per_entry(plan) / (3 * 4096 * 68.0), 1, 0.1);
}

TEST(PositionPlan, forms_no_tensor_that_nothing_needs) {
  network::InputShape const large{{32, 32}, 3, {}, {}};
  auto const plan = gram::compile(
      network_of("- conv: {padding: same}\n- relu\n- global_avg_pool\n- dense"), large);
  EXPECT_LT(plan.positions->task_bytes(), 1e6);
}

}  // namespace
}  // namespace widelimit
