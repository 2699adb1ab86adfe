/// \file
/// Random networks on sequences and images: the compiled evaluation against the slow interpreter.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "widelimit/network/describe.hpp"

#include "reference/network_interpreter.hpp"
#include "support/gram_matrix.hpp"
#include "support/random_network.hpp"

namespace widelimit {
namespace {

using network::InputShape;
using reference::Quad;
using test::PositionInputs;

constexpr int n_rows = 2, n_cols = 1, n_all = n_rows + n_cols;

/// A kind of data, and points of it.
struct Problem {
  InputShape shape;
  PositionInputs all;
};

Problem draw_problem(test::RandomNetworks& random, bool masked) {
  static InputShape const shapes[] = {{{6}, 2}, {{7}, 3}, {{4, 3}, 2}, {{3, 4}, 1}, {{2, 5}, 3}};
  Problem problem{shapes[random.below(masked ? 2 : 5)], {}};
  auto const& positions = problem.shape.positions;
  Index size = problem.shape.channels;
  for (Index const n : positions) size *= n;
  for (Index k = 0; k < n_all * size; ++k) problem.all.values.push_back(random.uniform(-1.5, 1.5));
  if (positions.size() > 1) return problem;
  Index const whole = positions[0];
  problem.shape.patterns["p"] = whole;
  for (Index k = 0; k < n_all * whole * whole; ++k)
    problem.all.patterns["p"].push_back(random.uniform(-0.5, 0.8));
  if (!masked) return problem;
  for (int i = 0; i < n_all; ++i)
    problem.all.lengths.push_back(whole - random.below(static_cast<int>(whole) - 2));
  problem.shape.lengths = problem.all.lengths;
  return problem;
}

/// The points from `first` to `last` of all.
PositionInputs part(PositionInputs const& all, int first, int last) {
  auto const cut = []<class T>(std::vector<T> const& from, int begin, int end) {
    auto const each = static_cast<long>(from.size()) / n_all;
    return std::vector<T>(from.begin() + begin * each, from.begin() + end * each);
  };
  PositionInputs result{cut(all.values, first, last), cut(all.lengths, first, last), {}};
  for (auto const& [name, pattern] : all.patterns)
    result.patterns[name] = cut(pattern, first, last);
  return result;
}

reference::Kernels interpret(reference::NetworkInterpreter const& interpreter,
                             network::Sequence const& network, Problem const& problem) {
  auto const& positions = problem.shape.positions;
  reference::Axes axes{static_cast<int>(positions[0]), 1, positions.size() == 1};
  if (!axes.sequence) axes.width = static_cast<int>(positions[1]);
  return interpreter(
      network, reference::input_kernels(
                   problem.all.values, n_all, axes, static_cast<int>(problem.shape.channels),
                   {problem.all.lengths.begin(), problem.all.lengths.end()}, problem.all.patterns));
}

/// Errors of some roundings, at random: of K those of (q + q')/2 - K, which is what is stored, and
/// always towards zero, lest a correlation leave [-1, 1]; of Θ its own.
class Rounding {
 public:
  void operator()(reference::Kernels& kernels) {
    int const n = kernels.size();
    for (int a = 0; a < n; ++a) {
      for (int b = 0; b < a; ++b) {
        Quad& k = kernels.nngp[a * n + b];
        Quad const q = kernels.nngp[a * n + a], q_col = kernels.nngp[b * n + b];
        Quad const change = draw() * std::max(q, q_col);
        Quad const size =
            std::max(reference::quad_abs(k) - change, -reference::quad_sqrt(q * q_col));
        k = k > 0 ? size : -size;
        kernels.nngp[b * n + a] = k;
        Quad& t = kernels.ntk[a * n + b];
        t *= 1 - draw();
        kernels.ntk[b * n + a] = t;
      }
    }
  }

 private:
  Quad draw() { return static_cast<Quad>(size_(engine_)); }

  std::mt19937_64 engine_{1};
  std::uniform_real_distribution<double> size_{0, 1e-15};
};

/// Largest |got - expected| of columns from `first` on, against the geometric mean of the two
/// diagonal entries.
template <class T>
double error_of_diagonal(std::vector<T> const& got, std::vector<Quad> const& expected, int first,
                         int cols) {
  auto const root = [&](int i) {
    return std::sqrt(std::fabs(static_cast<double>(expected[i * n_all + i])));
  };
  double worst = 0;
  for (int i = 0; i < n_rows; ++i) {
    for (int j = 0; j < cols; ++j) {
      double const difference =
          std::fabs(static_cast<double>(got[i * cols + j] - expected[i * n_all + first + j]));
      if (!(difference <= 1e300)) return INFINITY;
      if (difference > 0) worst = std::fmax(worst, difference / (root(i) * root(first + j)));
    }
  }
  return worst;
}

std::vector<Quad> columns(std::vector<Quad> const& all, int first, int cols) {
  std::vector<Quad> result;
  for (int i = 0; i < n_rows; ++i)
    for (int j = 0; j < cols; ++j) result.push_back(all[i * n_all + first + j]);
  return result;
}

/// False where the kernels leave the range in which the comparison says something.
bool compare(network::Sequence const& network, Problem const& problem) {
  auto const expected = interpret(reference::NetworkInterpreter{}, network, problem);
  auto const in_range = [&](std::vector<Quad> const& values) {
    return std::all_of(values.begin(), values.end(),
                       [](Quad v) { return reference::quad_abs(v) < Quad(1e60); });
  };
  if (!in_range(expected.nngp) || !in_range(expected.ntk)) return false;
  auto const got = test::position_gram_matrices<double>(
      network, problem.shape, part(problem.all, 0, n_rows), part(problem.all, n_rows, n_all));
  reference::Kernels rounded;
  auto const expect_close = [&](std::vector<double> const& block,
                                std::vector<Quad> reference::Kernels::*kernel, int first,
                                int cols) {
    double const error = error_of_diagonal(block, expected.*kernel, first, cols);
    if (error <= 1e-10) return;
    // Some networks lose digits: functions with a root at a correlation of 1 for positions of one
    // channel, which are all parallel; points whose variances differ by many orders of magnitude.
    if (rounded.nngp.empty())
      rounded = interpret(reference::NetworkInterpreter(Rounding{}), network, problem);
    EXPECT_LE(error, 10 * error_of_diagonal(columns(rounded.*kernel, first, cols), expected.*kernel,
                                            first, cols));
  };
  using reference::Kernels;
  expect_close(got.self.nngp, &Kernels::nngp, 0, n_rows);
  expect_close(got.self.ntk, &Kernels::ntk, 0, n_rows);
  expect_close(got.cross.nngp, &Kernels::nngp, n_rows, n_cols);
  expect_close(got.cross.ntk, &Kernels::ntk, n_rows, n_cols);
  return true;
}

/// Network and data of a trial, the same whatever trials went before.
void run_trial(int trial, bool masked, int& compared) {
  test::RandomNetworks random(static_cast<unsigned>(trial));
  auto const problem = draw_problem(random, masked);
  auto const network = random(problem.shape);
  std::string lengths;
  for (Index const length : problem.all.lengths) lengths += " " + std::to_string(length);
  std::string const text = "trial " + std::to_string(trial) + ": " +
                           network::text(problem.shape.positions) + ", lengths" + lengths + "\n" +
                           network::describe(network, problem.shape.positions);
  SCOPED_TRACE(text);
  if (std::getenv("WIDELIMIT_TRIAL") != nullptr) std::fputs(text.c_str(), stderr);
  try {
    if (compare(network, problem)) ++compared;
  } catch (std::invalid_argument const&) {
    // a function that the interpreter does not know
  }
}

/// WIDELIMIT_TRIAL=n runs that one alone, n-m those from n to m.
void run_trials(bool masked, int networks) {
  int compared = 0;
  if (char const* const only = std::getenv("WIDELIMIT_TRIAL")) {
    std::string const range = only;
    auto const dash = range.find('-');
    int const first = std::stoi(range);
    int const last = dash == std::string::npos ? first : std::stoi(range.substr(dash + 1));
    for (int trial = first; trial <= last; ++trial) run_trial(trial, masked, compared);
    return;
  }
  for (int trial = 0; compared < networks; ++trial) {
    ASSERT_LT(trial, 3 * networks) << "too many networks overflow";
    run_trial(trial, masked, compared);
  }
}

TEST(RandomPositions, of_images_and_whole_sequences) {
  run_trials(false, 200);
}

TEST(RandomPositions, of_sequences_of_unequal_length) {
  run_trials(true, 200);
}

}  // namespace
}  // namespace widelimit
