#include "widelimit/linalg/pcg.hpp"

#include <gtest/gtest.h>

#include "widelimit/linalg/local_cholesky.hpp"

#include "support/matrices.hpp"

namespace widelimit::linalg {
namespace {

constexpr Index n = 101;

/// A dense matrix that every rank holds, and what was asked of it.
class Problem {
 public:
  Problem(ReplicatedMatrix a, ReplicatedMatrix y, bool in_single = false)
      : a_(std::move(a)),
        y_(std::move(y)),
        in_single_(in_single),
        rows_(runtime::Communicator::world(), a_.rows) {}

  RowBlocks const& rows() const { return rows_; }
  std::vector<Index> const& asked() const { return asked_; }
  /// Takes true residuals from the matrix of another problem.
  void refine_with(Problem& exact) { exact_ = &exact; }
  void stop_before(std::size_t product) { stop_before_ = product; }

  Pcg solver(PcgOptions const& options) {
    Pcg::Operators operators{
        .multiply = [this](double const* x, Index columns,
                           double* y) { return multiply(x, columns, y); },
        .multiply_exactly = nullptr,
        .precondition = [this](double const* r, Index columns,
                               double* z) { std::copy_n(r, rows_.local_size() * columns, z); }};
    if (exact_ != nullptr) {
      operators.multiply_exactly = [this](double const* x, Index columns, double* y) {
        return exact_->multiply(x, columns, y);
      };
    }
    return {rows_, std::move(operators), local(y_), y_.cols, options};
  }

  /// ‖b - Ax‖/‖b‖ of a column.
  double residual(PcgState const& state, Index column) const {
    auto const x = whole(state.x);
    double rr = 0, bb = 0;
    for (Index i = 0; i < a_.rows; ++i) {
      double r = y_(i, column);
      for (Index j = 0; j < a_.rows; ++j) r -= a_(i, j) * x(j, column);
      rr += r * r;
      bb += y_(i, column) * y_(i, column);
    }
    return bb > 0 ? std::sqrt(rr / bb) : std::sqrt(rr);
  }

  ReplicatedMatrix whole(std::vector<double> const& local) const {
    ReplicatedMatrix columns(y_.cols, a_.rows);
    rows_.gather(local.data(), y_.cols, columns.values.data());
    return test::transpose(columns);
  }

 private:
  bool multiply(double const* x, Index columns, double* y) {
    if (asked_.size() == stop_before_) return false;
    asked_.push_back(columns);
    std::vector<double> all(static_cast<std::size_t>(a_.rows * columns));
    rows_.gather(x, columns, all.data());
    Index const local = rows_.local_size();
    for (Index c = 0; c < columns; ++c) {
      for (Index i = 0; i < local; ++i) {
        double sum = 0;
        for (Index j = 0; j < a_.rows; ++j)
          sum += a_(rows_.mine().begin + i, j) * all[static_cast<std::size_t>(c * a_.rows + j)];
        y[c * local + i] = in_single_ ? static_cast<float>(sum) : sum;
      }
    }
    return true;
  }

  std::vector<double> local(ReplicatedMatrix const& matrix) const {
    std::vector<double> columns;
    for (Index c = 0; c < matrix.cols; ++c)
      for (Index i = rows_.mine().begin; i < rows_.mine().end; ++i) columns.push_back(matrix(i, c));
    return columns;
  }

  ReplicatedMatrix a_, y_;
  bool in_single_;
  RowBlocks rows_;
  Problem* exact_ = nullptr;
  std::vector<Index> asked_;
  std::size_t stop_before_ = std::numeric_limits<std::size_t>::max();
};

bool never(PcgState const&) {
  return false;
}

TEST(Pcg, equals_cholesky) {
  auto const a = test::random_spd(n, n, 0.1, 11);
  auto const y = test::random_matrix(n, 4, 12);
  auto expected = test::transpose(y);
  LocalCholesky(a.values, n, 0, 1).solve(expected.values.data(), 4);
  for (double const tolerance : {1e-3, 1e-6, 1e-10}) {
    Problem problem(a, y);
    auto const pcg = problem.solver({.tolerance = tolerance});
    auto state = pcg.start();
    ASSERT_EQ(pcg.run(state, never), PcgEnd::converged);
    for (Index c = 0; c < 4; ++c) EXPECT_LE(problem.residual(state, c), tolerance * (1 + 1e-9));
    EXPECT_LT(test::relative_difference(problem.whole(state.x), test::transpose(expected)),
              10 * tolerance);
    EXPECT_EQ(static_cast<Index>(state.history.size()), state.iteration);
    EXPECT_LE(state.history.back(), tolerance);
    EXPECT_GT(state.history.front(), tolerance);
  }
}

TEST(Pcg, columns_that_are_done_cost_nothing) {
  auto const a = test::random_spd(n, n, 0.1, 13);
  auto y = test::random_matrix(n, 3, 14);
  // Column 0 is zero; column 1 lies in a space of two eigenvectors of a matrix with two of them.
  auto spiked = a;
  for (Index i = 0; i < n; ++i) {
    y(i, 0) = 0;
    for (Index j = 0; j < n; ++j) spiked(i, j) = a(i, j) * (i == 0 || j == 0 ? 0 : 1);
  }
  spiked(0, 0) = 2;
  for (Index i = 0; i < n; ++i) y(i, 1) = i == 0 ? 3 : 0;
  Problem problem(spiked, y);
  auto const pcg = problem.solver({.tolerance = 1e-8});
  auto state = pcg.start();
  ASSERT_EQ(pcg.run(state, never), PcgEnd::converged);
  EXPECT_EQ(problem.asked().front(), 2);  // not the zero column
  EXPECT_EQ(problem.asked()[1], 1);       // one step solved column 1
  auto const x = problem.whole(state.x);
  EXPECT_NEAR(x(0, 1), 1.5, 1e-12);
  for (Index i = 0; i < n; ++i) EXPECT_EQ(x(i, 0), 0);
}

TEST(Pcg, goes_on_from_a_state_bit_for_bit) {
  auto const a = test::random_spd(n, 60, 1e-3, 16);
  auto const y = test::random_matrix(n, 3, 17);
  PcgOptions const options{.tolerance = 1e-9};
  Problem whole(a, y);
  auto expected = whole.solver(options).start();
  ASSERT_EQ(whole.solver(options).run(expected, never), PcgEnd::converged);
  ASSERT_GT(expected.iteration, 20);
  for (std::size_t const stop :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, whole.asked().size() - 1}) {
    Problem first(a, y);
    first.stop_before(stop);
    auto state = first.solver(options).start();
    ASSERT_EQ(first.solver(options).run(state, never), PcgEnd::interrupted);
    Problem second(a, y);
    auto const pcg = second.solver(options);
    ASSERT_EQ(pcg.run(state, [&](PcgState const& s) { return s.iteration == 15; }),
              stop > 15 ? PcgEnd::converged : PcgEnd::interrupted);
    if (stop <= 15) {
      ASSERT_EQ(pcg.run(state, never), PcgEnd::converged);
    }
    EXPECT_EQ(state.x, expected.x);
    EXPECT_EQ(state.history, expected.history);
  }
}

TEST(Pcg, ends_after_the_iterations_it_was_given) {
  Problem problem(test::random_spd(n, 60, 1e-3, 18), test::random_matrix(n, 2, 19));
  auto const pcg = problem.solver({.tolerance = 1e-9, .max_iterations = 5});
  auto state = pcg.start();
  EXPECT_EQ(pcg.run(state, never), PcgEnd::max_iterations);
  EXPECT_EQ(state.iteration, 5);
  EXPECT_EQ(state.history.size(), 5U);
}

TEST(Pcg, finds_a_direction_of_negative_curvature) {
  Problem problem(test::random_spd(n, 60, -0.1, 20), test::random_matrix(n, 2, 21));
  auto const pcg = problem.solver({.tolerance = 1e-9});
  auto state = pcg.start();
  EXPECT_EQ(pcg.run(state, never), PcgEnd::indefinite);
  for (double const curvature : state.curvature) {
    EXPECT_LE(curvature, 0);
    EXPECT_GE(curvature, -0.1001);  // a mean of eigenvalues
  }
}

TEST(Pcg, rounded_products_end_in_the_truth_about_the_residual) {
  auto const a = test::random_spd(n, 60, 1e-2, 22);
  auto const y = test::random_matrix(n, 2, 23);
  // Products rounded to 1e-7 let the recurrence run away from the true residual; starting anew from
  // it gets to what they allow.
  Problem reachable(a, y, true);
  auto const pcg = reachable.solver({.tolerance = 1e-5});
  auto state = pcg.start();
  ASSERT_EQ(pcg.run(state, never), PcgEnd::converged);
  for (Index c = 0; c < 2; ++c) EXPECT_LE(reachable.residual(state, c), 1.2e-5);

  Problem unreachable(a, y, true);
  auto const never_done = unreachable.solver({.tolerance = 1e-12, .patience = 30});
  auto best = never_done.start();
  EXPECT_EQ(never_done.run(best, never), PcgEnd::stagnated);
  for (Index c = 0; c < 2; ++c) {
    EXPECT_EQ(best.status[static_cast<std::size_t>(c)], ColumnStatus::stagnated);
    EXPECT_LT(unreachable.residual(best, c), 1e-5);
    EXPECT_GT(unreachable.residual(best, c), 1e-12);
  }
}

TEST(Pcg, solves_the_better_matrix_of_two) {
  auto const exact = test::random_spd(n, n, 0.1, 24);
  auto rounded = exact;
  for (double& entry : rounded.values) entry = static_cast<float>(entry);
  auto const y = test::random_matrix(n, 3, 25);
  PcgOptions const options{.tolerance = 1e-12};
  Problem alone(rounded, y), truth(exact, y), refined(rounded, y);
  auto off = alone.solver(options).start();
  ASSERT_EQ(alone.solver(options).run(off, never), PcgEnd::converged);
  refined.refine_with(truth);
  auto const pcg = refined.solver(options);
  auto state = pcg.start();
  ASSERT_EQ(pcg.run(state, never), PcgEnd::converged);
  EXPECT_GE(truth.asked().size(), 2U);
  EXPECT_LE(truth.asked().size(), 4U);  // each restart gains six digits or so
  Problem in_cycles(rounded, y);
  in_cycles.refine_with(truth);
  PcgOptions const cycles{.tolerance = 1e-12, .cycle_gain = 1e-3};
  auto slow = in_cycles.solver(cycles).start();
  ASSERT_EQ(in_cycles.solver(cycles).run(slow, never), PcgEnd::converged);
  for (Index c = 0; c < 3; ++c) {
    EXPECT_GT(truth.residual(off, c), 1e-9);
    EXPECT_LE(truth.residual(state, c), 1e-12 * (1 + 1e-3));
    EXPECT_LE(truth.residual(slow, c), 1e-12 * (1 + 1e-3));
  }
  // What is kept as residual of a converged column is its true one.
  auto const r = refined.whole(state.r), x = refined.whole(state.x);
  for (Index i = 0; i < n; ++i) {
    double expected = y(i, 0);
    for (Index j = 0; j < n; ++j) expected -= exact(i, j) * x(j, 0);
    EXPECT_NEAR(r(i, 0), expected, 1e-13);
  }
}

TEST(Pcg, a_replaced_residual_keeps_the_directions) {
  auto const a = test::random_spd(n, n, 1e-3, 26);
  auto const y = test::random_matrix(n, 2, 27);
  Problem plain(a, y);
  auto const without = plain.solver({.tolerance = 1e-8});
  auto state = without.start();
  ASSERT_EQ(without.run(state, never), PcgEnd::converged);

  PcgOptions const cycles{.tolerance = 1e-8, .cycle_gain = 0.1};
  Problem replaced(a, y), truth(a, y);
  replaced.refine_with(truth);
  auto in_cycles = replaced.solver(cycles).start();
  ASSERT_EQ(replaced.solver(cycles).run(in_cycles, never), PcgEnd::converged);
  EXPECT_GE(truth.asked().size(), 6U);
  EXPECT_LE(10 * in_cycles.iteration, 12 * state.iteration);  // starting anew takes twice as many
  auto expected = test::transpose(y);
  LocalCholesky(a.values, n, 0, 1e-300).solve(expected.values.data(), 2);
  EXPECT_LT(test::relative_difference(replaced.whole(in_cycles.x), test::transpose(expected)),
            1e-5);

  // Whether the iterations or a true residual are interrupted, the same states follow.
  for (std::size_t stop = 0; stop < replaced.asked().size(); stop += 5) {
    Problem first(a, y), exact(a, y), second(a, y);
    first.refine_with(exact);
    second.refine_with(truth);
    (stop % 2 == 0 ? first : exact).stop_before(stop % 2 == 0 ? stop : stop % 6);
    auto resumed = first.solver(cycles).start();
    ASSERT_EQ(first.solver(cycles).run(resumed, never), PcgEnd::interrupted);
    ASSERT_EQ(second.solver(cycles).run(resumed, never), PcgEnd::converged);
    EXPECT_EQ(resumed.x, in_cycles.x);
    EXPECT_EQ(resumed.history, in_cycles.history);
  }
}

}  // namespace
}  // namespace widelimit::linalg
