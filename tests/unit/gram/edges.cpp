/// \file
/// Points and scales at the edge: zero, equal, opposite, huge, tiny; symmetry, definiteness,
/// tiles, overflow.
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "widelimit/network/reader.hpp"

#include "reference/network_interpreter.hpp"
#include "support/expect_input_error.hpp"
#include "support/gram_matrix.hpp"

extern "C" void dsyev_(char const* job, char const* triangle, int const* n, double* a,
                       int const* lda, double* w, double* work, int const* lwork, int* info);

namespace widelimit {
namespace {

using reference::Quad;

network::Sequence network_of(std::string const& text) {
  return network::read_network(io::YamlNode::parse(text, "edges.yaml"));
}

/// dense – f – dense – f – dense
network::Sequence two_hidden(std::string const& f,
                             std::string const& dense = "dense: {w_std: 1.3, b_std: 0.2}") {
  std::string const norm =
      f.find("hermite") != std::string::npos ? "- layer_norm: {eps: 1.0e-40}\n" : "";
  std::string const hidden = "- " + dense + "\n" + norm + "- " + f + "\n";
  return network_of(hidden + hidden + "- dense");
}

std::vector<std::string> activations() {
  return {"relu",
          "leaky_relu: {alpha: 0.1}",
          "abs",
          "abrelu: {a: 0.4, b: -0.9}",
          "erf",
          "sigmoid_like",
          "gelu",
          "sin: {b: 1.3}",
          "sin: {a: 0.5, b: 0.7, c: 0.4}",
          "cos: {b: 0.8}",
          "rbf: {gamma: 0.3}",
          "sign",
          "exp: {b: 0.1}",
          "gaussian: {b: -0.4}",
          "exp_normalized",
          "gabor",
          "monomial: {degree: 3}",
          "rectified_monomial: {degree: 2}",
          "rectified_monomial: {degree: 0}",
          "polynomial: {coef: [0.3, 1.0, -0.2]}",
          "hermite: {degree: 2}",
          "numerical: {fn: tanh, points: auto}",
          "numerical: {fn: softplus, points: auto}",
          "numerical: {fn: elu, points: auto}",
          "numerical: {fn: selu, points: auto}"};  // product rules (points: n) are not definite
}

std::vector<double> random_points(int n, int d, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<double> x(n * d);
  for (double& value : x) value = normal(engine);
  return x;
}

void append(std::vector<double>& x, int from, double factor, int d) {
  for (int m = 0; m < d; ++m) x.push_back(factor * x[from * d + m]);
}

/// Random points, then a zero, a copy, an opposite, and multiples of the first (by powers of two:
/// rounded multiples would have an angle of their own).
std::vector<double> special_points(int d) {
  auto x = random_points(4, d, 9);
  for (double const factor : {0.0, 1.0, -1.0, 2.0, -0.125}) append(x, 0, factor, d);
  return x;
}

double worst_of_diagonal(std::vector<double> const& got, std::vector<Quad> const& expected, int n) {
  double worst = 0;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      Quad const scale = reference::quad_sqrt(reference::quad_abs(expected[i * n + i])) *
                         reference::quad_sqrt(reference::quad_abs(expected[j * n + j]));
      Quad const difference = reference::quad_abs(got[i * n + j] - expected[i * n + j]);
      if (!std::isfinite(got[i * n + j])) return INFINITY;
      if (difference > 0) worst = std::fmax(worst, static_cast<double>(difference / scale));
    }
  }
  return worst;
}

bool has_closed_form(std::string const& f) {
  return f.find("numerical") == std::string::npos && f != "gabor";
}

TEST(Edges, zero_equal_opposite_and_collinear_points_are_right) {
  int const d = 3;
  auto const x = special_points(d);
  int const n = static_cast<int>(x.size()) / d;
  for (auto const& f : activations()) {
    for (char const* const dense : {"dense: {w_std: 1.3}", "dense: {w_std: 1.3, b_std: 0.2}"}) {
      SCOPED_TRACE(f + ", " + dense);
      auto const network = two_hidden(f, dense);
      auto const got = test::gram_matrices<double>(network, x, x, d);
      for (auto const* const values :
           {&got.self.nngp, &got.self.ntk, &got.cross.nngp, &got.cross.ntk})
        for (double const value : *values) ASSERT_TRUE(std::isfinite(value));
      if (!has_closed_form(f)) continue;
      auto const expected =
          reference::NetworkInterpreter{}(network, reference::input_kernels(x, n, d));
      EXPECT_LE(worst_of_diagonal(got.self.nngp, expected.nngp, n), 1e-14);
      EXPECT_LE(worst_of_diagonal(got.self.ntk, expected.ntk, n), 2e-14);
      EXPECT_LE(worst_of_diagonal(got.cross.nngp, expected.nngp, n), 1e-14);
      EXPECT_LE(worst_of_diagonal(got.cross.ntk, expected.ntk, n), 2e-14);
    }
  }
}

template <class Real>
void check_norms(std::vector<double> const& exponents, std::vector<std::string> const& functions,
                 std::string const& dense, double tolerance) {
  int const d = 3;
  std::vector<double> const base = special_points(d);
  std::vector<double> x(base.begin(), base.begin() + 3 * d);
  for (double const exponent : exponents) {
    double const factor = std::exp2(std::round(std::log2(10) * exponent));
    append(x, 0, factor, d);
    append(x, 1, factor, d);
    append(x, 1, -factor, d);
  }
  for (double& value : x) value = static_cast<double>(static_cast<Real>(value));
  int const n = static_cast<int>(x.size()) / d;
  for (auto const& f : functions) {
    SCOPED_TRACE(f + ", " + dense);
    auto const network = two_hidden(f, dense);
    auto const got = test::gram_matrices<Real>(network, x, x, d);
    auto const expected =
        reference::NetworkInterpreter{}(network, reference::input_kernels(x, n, d));
    EXPECT_LE(worst_of_diagonal(got.self.nngp, expected.nngp, n), tolerance);
    EXPECT_LE(worst_of_diagonal(got.self.ntk, expected.ntk, n), tolerance);
    EXPECT_LE(worst_of_diagonal(got.cross.nngp, expected.nngp, n), tolerance);
  }
}

// Those whose kernel stays in range for any norm.
std::vector<std::string> const continuous{"relu",
                                          "leaky_relu: {alpha: 0.1}",
                                          "abs",
                                          "erf",
                                          "sigmoid_like",
                                          "sin: {b: 1.3}",
                                          "cos: {b: 0.8}",
                                          "rbf: {gamma: 0.3}",
                                          "gaussian: {b: -0.4}"};
std::vector<std::string> const steps{"sign", "rectified_monomial: {degree: 0}"};

constexpr char plain[] = "dense: {w_std: 1.3}";
/// With a bias the references themselves lose their digits beyond norms of 1e9, and for steps
/// below 1e-9 as well.
constexpr char biased[] = "dense: {w_std: 1.3, b_std: 0.2}";

TEST(Edges, norms_of_any_size_are_right_in_double) {
  check_norms<double>({-150, -80, -20, -9, -3, 3, 9, 20, 80, 150}, continuous, plain, 2e-14);
  check_norms<double>({-150, -80, -20, -9, -3, 3, 9, 20, 80, 150}, steps, plain, 2e-14);
  check_norms<double>({-150, -80, -20, -9, -3, 3, 6, 9}, continuous, biased, 2e-14);
  // At scales r >> 1 gelu's defect cancels to r^-3 from terms of r^-1.
  check_norms<double>({-150, -80, -20, -9, -3, 3, 9, 20, 80, 150}, {"gelu"}, plain, 5e-12);
  check_norms<double>({-150, -80, -20, -9, -3, 3, 6, 9}, {"gelu"}, biased, 5e-12);
  check_norms<double>({-9, -3, 3, 6, 9}, steps, biased, 2e-14);
}

TEST(Edges, norms_of_any_size_are_right_in_single) {
  check_norms<float>({-15, -9, -3, 3, 9, 15}, continuous, plain, 5e-6);
  check_norms<float>({-15, -9, -3, 3, 9, 15}, steps, plain, 5e-6);
  check_norms<float>({-15, -9, -3, 3, 6, 9}, continuous, biased, 5e-6);
  check_norms<float>({-15, -9, -3, 3, 9, 15}, {"gelu"}, plain, 5e-6);
  check_norms<float>({-15, -9, -3, 3, 6, 9}, {"gelu"}, biased, 5e-6);
  check_norms<float>({-3, 3, 6, 9}, steps, biased, 5e-6);
}

TEST(Edges, a_data_set_with_itself_is_exactly_symmetric) {
  int const n = 70, d = 5;
  auto const x = random_points(n, d, 4);
  for (auto const& f : activations()) {
    auto const got = test::gram_matrices<double>(two_hidden(f), x, x, d);
    for (int i = 0; i < n; ++i) {
      for (int j = 0; j < i; ++j) {
        ASSERT_EQ(got.self.nngp[i * n + j], got.self.nngp[j * n + i]) << f;
        ASSERT_EQ(got.self.ntk[i * n + j], got.self.ntk[j * n + i]) << f;
      }
    }
  }
}

std::vector<double> eigenvalues(std::vector<double> a, int n) {
  std::vector<double> values(n), work(8 * n);
  int const lwork = 8 * n;
  int info = 0;
  dsyev_("N", "L", &n, a.data(), &n, values.data(), work.data(), &lwork, &info);
  EXPECT_EQ(info, 0);
  return values;
}

TEST(Edges, kernels_are_positive_semidefinite_to_rounding) {
  int const d = 4;
  auto x = random_points(50, d, 12);
  for (int i = 0; i < 5; ++i) append(x, i, 1, d);
  for (int i = 0; i < 4; ++i) append(x, i, 1 + 1e-9, d);
  append(x, 0, 0, d);
  int const n = static_cast<int>(x.size()) / d;
  ASSERT_EQ(n, 60);
  for (auto const& f : activations()) {
    auto const got = test::gram_matrices<double>(two_hidden(f), x, x, d);
    for (auto const* const values : {&got.self.nngp, &got.self.ntk}) {
      auto const spectrum = eigenvalues(*values, n);
      EXPECT_GE(spectrum.front(), -4 * std::numeric_limits<double>::epsilon() * n * spectrum.back())
          << f;
    }
  }
}

/// The Gram matrix in tiles of `rows` x `cols` of one set with itself.
test::Gram in_tiles(network::Sequence const& network, std::vector<double> const& x, Index d,
                    Index rows, Index cols) {
  Index const n = static_cast<Index>(x.size()) / d;
  auto points = gram::prepare_points(x, n, d);
  gram::TileEvaluator<double> const evaluate(
      gram::bind(gram::compile(network), std::vector{&points}), points, points, gram::Output::both);
  test::Gram result{n, n, std::vector<double>(n * n), std::vector<double>(n * n)};
  for (Index i = 0; i < n; i += rows) {
    for (Index j = 0; j < n; j += cols) {
      evaluate({i, std::min(n, i + rows)}, {j, std::min(n, j + cols)},
               result.nngp.data() + i * n + j, result.ntk.data() + i * n + j, n);
    }
  }
  return result;
}

TEST(Edges, results_do_not_depend_on_the_tiles) {
  int const n = 130, d = 6;
  auto x = random_points(n - 2, d, 8);
  append(x, 3, 1, d);
  append(x, 4, 1 + 1e-9, d);
  auto const largest_difference = [](std::vector<double> const& a, std::vector<double> const& b) {
    double largest = 0, worst = 0;
    for (double const value : a) largest = std::fmax(largest, std::fabs(value));
    for (std::size_t k = 0; k < a.size(); ++k) worst = std::fmax(worst, std::fabs(a[k] - b[k]));
    return worst / largest;
  };
  for (std::string const f :
       {"relu", "erf", "gelu", "sin", "numerical: {fn: tanh, points: auto}"}) {
    auto const network =
        network_of("- dense\n- " + f + "\n- dropout: {rate: 0.7}\n- dense: {b_std: 0.3}\n- " + f +
                   "\n- dropout: {rate: 0.4}\n- dense");
    auto const whole = in_tiles(network, x, d, n, n);
    for (auto const& [rows, cols] :
         {std::pair{1, 1}, {7, 7}, {64, 64}, {n, 7}, {7, n}, {64, 50}, {1, n}}) {
      auto const tiled = in_tiles(network, x, d, rows, cols);
      EXPECT_LE(largest_difference(whole.nngp, tiled.nngp), 1e-13) << f << rows << "x" << cols;
      EXPECT_LE(largest_difference(whole.ntk, tiled.ntk), 1e-13) << f << rows << "x" << cols;
    }
  }
}

TEST(Edges, near_duplicates_keep_their_angle_through_every_activation) {
  // K and Θ of relu see the angle between two points, the root of the defect: where an activation
  // hands on a defect that was formed as 1-c, 1e-16 becomes 1e-8.
  int const d = 4;
  auto x = random_points(4, d, 21);
  std::mt19937_64 engine(2);
  std::normal_distribution<double> normal;
  for (double const distance : {1e-3, 1e-5, 1e-7, 1e-9, 1e-11}) {
    for (int const from : {0, 1}) {
      for (int m = 0; m < d; ++m) x.push_back(x[from * d + m] * (1 + distance * normal(engine)));
      append(x, static_cast<int>(x.size()) / d - 1, -1, d);
    }
  }
  int const n = static_cast<int>(x.size()) / d;
  for (auto const& f : activations()) {
    if (!has_closed_form(f)) continue;
    for (std::string const dense :
         {"dense: {w_std: 1.3}", "dense: {w_std: 1.3, b_std: 0.2}", "dense: {w_std: 8}"}) {
      if (f.find("exp:") == 0 && dense.find("8") != std::string::npos) continue;
      std::string const norm =
          f.find("hermite") != std::string::npos ? "- layer_norm: {eps: 1.0e-40}\n" : "";
      auto const network = network_of("- " + dense + "\n" + norm + "- " + f +
                                      "\n- dense\n- relu\n- dense\n- relu\n- dense");
      auto const got = test::gram_matrices<double>(network, x, x, d);
      auto const expected =
          reference::NetworkInterpreter{}(network, reference::input_kernels(x, n, d));
      // A step turns the angle into a defect, so that its rounding counts as a root again.
      bool const step = f == "sign" || f == "rectified_monomial: {degree: 0}";
      double const tolerance = step ? 1e-11 : 3e-13;
      EXPECT_LE(worst_of_diagonal(got.self.ntk, expected.ntk, n), tolerance) << f << ", " << dense;
      EXPECT_LE(worst_of_diagonal(got.cross.ntk, expected.ntk, n), tolerance) << f << ", " << dense;
    }
  }
}

TEST(Edges, overflow_in_single_is_an_input_error) {
  std::vector<double> const x{1e25, 2e25, -1e25, 3e25, 1, 2};
  test::expect_input_error(
      [&] { test::gram_matrices<float>(two_hidden("relu", "dense: {w_std: 1.4}"), x, x, 2); },
      {"single", "w_std"});
  // The diagonal of Θ alone leaves the range: elsewhere dropout leaves a tenth of it.
  double const large = 2e19;
  std::vector<double> const y{large, 0, 0, large};
  auto const network = network_of("- dense\n- dropout: {rate: 0.2}\n- dense: {w_std: 0.5}");
  test::expect_input_error([&] { test::gram_matrices<float>(network, y, y, 2); }, {"single"});
  EXPECT_NO_THROW(test::gram_matrices<double>(network, y, y, 2));
}

TEST(Edges, overflow_in_double_is_an_input_error) {
  std::vector<double> const x{1e160, 2e160, 1, 2};
  test::expect_input_error([&] { test::gram_matrices<double>(two_hidden("relu"), x, x, 2); },
                           {"w_std"});
  test::expect_input_error(
      [&] {
        test::gram_matrices<double>(two_hidden("exp: {b: 100}"), {1, 2}, {1, 2}, 2);
      },
      {"exp", "w_std"});
}

}  // namespace
}  // namespace widelimit
