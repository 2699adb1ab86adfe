/// \file
/// Kernel regression by conjugate gradients, whole: operator, preconditioner and solver together,
/// against a Cholesky factorisation.
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "widelimit/linalg/local_cholesky.hpp"
#include "widelimit/linalg/pcg.hpp"
#include "widelimit/regression/kernel_operator.hpp"
#include "widelimit/regression/preconditioner.hpp"

#include "support/kernel_problem.hpp"
#include "support/matrices.hpp"

namespace widelimit::regression {
namespace {

using linalg::ReplicatedMatrix;
using linalg::RowBlocks;

enum class Mode { stored, recomputed };
enum class Low { none, nystrom, pivoted, blocks };

struct Case {
  Mode mode;
  Low low;
  double ridge;
  Index near_duplicates;
};

constexpr Index n = 400, columns = 3, rank = 60;

template <class Real>
class Regression {
 public:
  explicit Regression(Case const& test_case)
      : case_(test_case),
        problem_(n, 8, 2, 5, test_case.near_duplicates),
        rows_(runtime::Communicator::world(), n),
        y_(test::random_matrix(n, columns, 6)) {}

  /// α, N x C; and how the solver ended.
  std::pair<ReplicatedMatrix, linalg::PcgEnd> solve(double tolerance) {
    auto const k = kernel();
    EvaluatedColumns<Real> const source(problem_.program(), problem_.points(), gram::Kernel::ntk);
    std::optional<LowRankPreconditioner<Real>> m;
    if (case_.low == Low::nystrom)
      m.emplace(rows_, nystrom(rows_, source, rank), case_.ridge, source.diagonal(0));
    if (case_.low == Low::blocks)
      m.emplace(rows_, nystrom(rows_, source, rank), case_.ridge, source.diagonal(0),
                BlocksOf<Real>{source, 50});
    if (case_.low == Low::pivoted)
      m.emplace(rows_, pivoted_cholesky(rows_, source, rank), case_.ridge, source.diagonal(0));
    std::vector<double> b;
    for (Index c = 0; c < columns; ++c)
      for (Index i = rows_.mine().begin; i < rows_.mine().end; ++i) b.push_back(y_(i, c));
    auto const multiply = [&](gram::PartSums sums) {
      return [&, sums](double const* x, Index count, double* y) {
        bool const done = k->multiply(
            x, count, y, [] { return true; }, sums);
        for (Index i = 0; i < rows_.local_size() * count; ++i) y[i] += case_.ridge * x[i];
        return done;
      };
    };
    linalg::Pcg::Operators operators{.multiply = multiply(gram::PartSums::working),
                                     .multiply_exactly = multiply(gram::PartSums::exact),
                                     .precondition = [&](double const* r, Index count, double* z) {
                                       if (m) return m->apply(r, count, z);
                                       std::copy_n(r, rows_.local_size() * count, z);
                                     }};
    linalg::Pcg const pcg(rows_, std::move(operators), b, columns,
                          {.tolerance = tolerance, .max_iterations = 5000});
    auto state = pcg.start();
    auto const end = pcg.run(state, [](auto const&) { return false; });
    iterations_ = state.iteration;
    ReplicatedMatrix whole(columns, n);
    rows_.gather(state.x.data(), columns, whole.values.data());
    return {test::transpose(whole), end};
  }

  Index iterations() const { return iterations_; }

  /// What the solution predicts for the training points: α itself is as sensitive as the kernel is
  /// ill-conditioned.
  ReplicatedMatrix predictions(ReplicatedMatrix const& alpha) const {
    return test::product(problem_.matrix(gram::Kernel::ntk), alpha);
  }

  ReplicatedMatrix by_cholesky() const {
    auto x = test::transpose(y_);
    linalg::LocalCholesky(problem_.matrix(gram::Kernel::ntk).values, n, case_.ridge, 1e-300)
        .solve(x.values.data(), columns);
    return test::transpose(x);
  }

 private:
  std::unique_ptr<KernelOperator> kernel() const {
    if (case_.mode == Mode::recomputed)
      return std::make_unique<RecomputedKernel<Real>>(rows_, problem_.maker(gram::Kernel::ntk));
    auto stored = std::make_unique<StoredKernel<Real>>(rows_, gram::Kernel::ntk);
    runtime::StopRequest const stop;
    io::TileGrid const grid{n, n, 128, io::Coverage::lower};
    auto const schedule =
        gram::schedule<Real>(grid, rows_.comm().size(), nullptr, true, gram::Dealing::fixed);
    gram::for_each_tile<Real>(rows_.comm(), problem_.evaluator(), grid, schedule, nullptr,
                              {stored.get()}, stop);
    return stored;
  }

  Case case_;
  test::KernelProblem<Real> problem_;
  RowBlocks rows_;
  ReplicatedMatrix y_;
  Index iterations_ = 0;
};

std::vector<Case> cases(double ridge, Index near_duplicates) {
  std::vector<Case> all;
  for (Mode const mode : {Mode::stored, Mode::recomputed})
    for (Low const low : {Low::none, Low::nystrom, Low::pivoted, Low::blocks})
      all.push_back({mode, low, ridge, near_duplicates});
  return all;
}

TEST(PcgRegression, equals_cholesky_for_every_preconditioner_and_kept_or_remade_kernel) {
  for (Case const& one : cases(0, 0)) {
    SCOPED_TRACE(static_cast<int>(one.mode) * 10 + static_cast<int>(one.low));
    Regression<double> regression(one);
    double const tolerance = 1e-8;
    auto const [alpha, end] = regression.solve(tolerance);
    EXPECT_EQ(end, linalg::PcgEnd::converged);
    EXPECT_LT(test::relative_difference(regression.predictions(alpha),
                                        regression.predictions(regression.by_cholesky())),
              10 * tolerance);
  }
}

TEST(PcgRegression, near_duplicates_are_solved_with_and_without_a_ridge) {
  for (double const ridge : {0.0, 1e-3}) {
    for (Case const& one : cases(ridge, 20)) {
      if (one.mode == Mode::recomputed && one.low == Low::none) continue;  // slow, nothing new
      SCOPED_TRACE(static_cast<int>(one.mode) * 10 + static_cast<int>(one.low));
      Regression<double> regression(one);
      double const tolerance = 1e-7;
      auto const [alpha, end] = regression.solve(tolerance);
      EXPECT_EQ(end, linalg::PcgEnd::converged);
      EXPECT_LT(test::relative_difference(regression.predictions(alpha),
                                          regression.predictions(regression.by_cholesky())),
                10 * tolerance);
    }
  }
}

TEST(PcgRegression, tiles_in_single_precision_reach_a_tolerance_of_their_own_equations) {
  for (Case const& one : cases(1e-2, 0)) {
    SCOPED_TRACE(static_cast<int>(one.mode) * 10 + static_cast<int>(one.low));
    Regression<float> regression(one);
    double const tolerance = 1e-6;
    auto const [alpha, end] = regression.solve(tolerance);
    EXPECT_EQ(end, linalg::PcgEnd::converged);
    EXPECT_LT(test::relative_difference(alpha, regression.by_cholesky()), 1e-3);
    EXPECT_LT(test::relative_difference(regression.predictions(alpha),
                                        regression.predictions(regression.by_cholesky())),
              30 * tolerance);
  }
}

TEST(PcgRegression, preconditioners_save_iterations) {
  Regression<double> plain({Mode::stored, Low::none, 1e-3, 0}),
      nystrom_first({Mode::stored, Low::nystrom, 1e-3, 0}),
      pivoted_first({Mode::stored, Low::pivoted, 1e-3, 0}),
      blocks_first({Mode::stored, Low::blocks, 1e-3, 0});
  for (auto* one : {&plain, &nystrom_first, &pivoted_first, &blocks_first}) one->solve(1e-8);
  EXPECT_LT(2 * nystrom_first.iterations(), plain.iterations());
  EXPECT_LT(2 * pivoted_first.iterations(), plain.iterations());
  EXPECT_LT(blocks_first.iterations(), nystrom_first.iterations());
}

}  // namespace
}  // namespace widelimit::regression
