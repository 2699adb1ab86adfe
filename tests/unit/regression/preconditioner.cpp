#include "widelimit/regression/preconditioner.hpp"

#include <gtest/gtest.h>

#include "support/kernel_problem.hpp"
#include "support/matrices.hpp"

namespace widelimit::regression {
namespace {

using linalg::ReplicatedMatrix;
using linalg::RowBlocks;

/// Columns of a matrix that every rank holds.
template <class Real>
class DenseColumns final : public KernelColumns<Real> {
 public:
  explicit DenseColumns(ReplicatedMatrix a) : a_(std::move(a)) {}
  Index size() const override { return a_.rows; }
  double diagonal(Index point) const override { return a_(point, point); }
  void evaluate(Range rows, std::vector<Index> const& columns, Real* to) const override {
    for (Index i = rows.begin; i < rows.end; ++i)
      for (Index const j : columns) *to++ = static_cast<Real>(a_(i, j));
  }
  void evaluate_square(std::vector<Index> const& points, Real* to) const override {
    for (Index const i : points)
      for (Index const j : points) *to++ = static_cast<Real>(a_(i, j));
  }

 private:
  ReplicatedMatrix a_;
};

double trace(ReplicatedMatrix const& a) {
  double sum = 0;
  for (Index i = 0; i < a.rows; ++i) sum += a(i, i);
  return sum;
}

RowBlocks rows_of(Index n) {
  return {runtime::Communicator::world(), n};
}

/// F, whole.
template <class Real>
ReplicatedMatrix whole(RowBlocks const& rows, LowRankFactor<Real> const& factor) {
  ReplicatedMatrix f(rows.size(), factor.rank);
  std::copy(factor.rows.begin(), factor.rows.end(), f.row(rows.mine().begin));
  rows.comm().sum(f.values.data(), static_cast<Index>(f.values.size()));
  return f;
}

template <class Real>
class LowRank : public testing::Test {
 protected:
  static constexpr double eps = std::numeric_limits<Real>::epsilon();
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(LowRank, Reals);

TYPED_TEST(LowRank, nystrom_is_below_the_kernel_and_exact_where_it_has_its_rank) {
  constexpr Index n = 150;
  auto const rows = rows_of(n);
  auto const full = test::random_spd(n, n, 0.1, 1);
  auto const factor = nystrom(rows, DenseColumns<TypeParam>(full), 40);
  EXPECT_EQ(factor.rank, 40);
  auto const f = whole(rows, factor);
  auto const approximate = test::outer_product(f, f);
  EXPECT_NEAR(factor.missing_trace, trace(full) - trace(approximate), 1e3 * this->eps);
  EXPECT_GT(factor.missing_trace, 0.01 * trace(full));
  int exact = 0;  // rows of landmarks
  for (Index i = 0; i < n; ++i) {
    double difference = 0;
    for (Index j = 0; j < n; ++j)
      difference = std::max(difference, std::abs(full(i, j) - approximate(i, j)));
    exact += difference < 1e3 * this->eps ? 1 : 0;
    EXPECT_LT(approximate(i, i), full(i, i) + 1e3 * this->eps);
  }
  EXPECT_EQ(exact, 40);

  auto const low = test::random_spd(n, 20, 0, 2);
  auto const exactly = whole(rows, nystrom(rows, DenseColumns<TypeParam>(low), 40));
  EXPECT_LT(test::relative_difference(test::outer_product(exactly, exactly), low),
            std::sqrt(this->eps));
}

TYPED_TEST(LowRank, landmarks_follow_the_seed_and_not_the_ranks) {
  constexpr Index n = 60;
  ReplicatedMatrix a(n, n);  // each landmark leaves a mark of its own
  for (Index i = 0; i < n; ++i) a(i, i) = static_cast<double>(i + 1);
  auto const marks = [&](unsigned seed) {
    auto const f = whole(rows_of(n), nystrom(rows_of(n), DenseColumns<TypeParam>(a), 5, seed));
    std::vector<Index> chosen;
    for (Index i = 0; i < n; ++i)
      for (Index k = 0; k < 5; ++k)
        if (f(i, k) > 0.5) chosen.push_back(i);
    return chosen;
  };
  EXPECT_EQ(marks(1), (std::vector<Index>{3, 16, 24, 52, 59}));
  EXPECT_NE(marks(1), marks(2));
  EXPECT_EQ(marks(2).size(), 5U);
}

TYPED_TEST(LowRank, pivoted_cholesky_takes_what_is_explained_least) {
  constexpr Index n = 150;
  auto const rows = rows_of(n);
  auto a = test::random_spd(n, n, 0.1, 3);
  for (Index const large : {17, 99, 140}) a(large, large) += 50;
  auto const factor = pivoted_cholesky(rows, DenseColumns<TypeParam>(a), 70);
  ASSERT_EQ(factor.rank, 70);
  auto const f = whole(rows, factor);
  auto const approximate = test::outer_product(f, f);
  for (Index const large : {17, 99, 140})
    for (Index j = 0; j < n; ++j) EXPECT_NEAR(approximate(large, j), a(large, j), 1e3 * this->eps);
  EXPECT_NEAR(factor.missing_trace, trace(a) - trace(approximate), 1e4 * this->eps);
  // Greedy pivots explain more than landmarks drawn without looking.
  EXPECT_LT(factor.missing_trace, nystrom(rows, DenseColumns<TypeParam>(a), 70).missing_trace);
}

TYPED_TEST(LowRank, pivoted_cholesky_ends_where_nothing_is_left) {
  constexpr Index n = 150;
  auto const rows = rows_of(n);
  auto const a = test::random_spd(n, 20, 0, 4);
  auto const factor = pivoted_cholesky(rows, DenseColumns<TypeParam>(a), 100);
  EXPECT_GE(factor.rank, 20);
  EXPECT_LE(factor.rank, 30);  // rounding may add a few
  auto const f = whole(rows, factor);
  EXPECT_LT(test::relative_difference(test::outer_product(f, f), a), 1e3 * this->eps);
}

/// How far M·A·Z is from Z, relative.
template <class Real>
double distance_from_inverse(LowRankPreconditioner<Real> const& m, RowBlocks const& rows,
                             ReplicatedMatrix const& a) {
  Index const n = rows.size(), columns = 3;
  auto const z = test::random_matrix(n, columns, 6);
  auto const r = test::transpose(test::product(a, z));
  std::vector<double> local, result(static_cast<std::size_t>(rows.local_size() * columns));
  for (Index c = 0; c < columns; ++c)
    local.insert(local.end(), r.row(c) + rows.mine().begin, r.row(c) + rows.mine().end);
  m.apply(local.data(), columns, result.data());
  ReplicatedMatrix back(columns, n);
  rows.gather(result.data(), columns, back.values.data());
  return test::relative_difference(back, test::transpose(z));
}

TYPED_TEST(LowRank, apply_inverts_the_approximation) {
  constexpr Index n = 130;
  auto const rows = rows_of(n);
  auto const a = test::random_spd(n, n, 0.1, 5);
  auto factor = nystrom(rows, DenseColumns<TypeParam>(a), 30);
  auto const f = whole(rows, factor);
  double const missing = factor.missing_trace;
  LowRankPreconditioner<TypeParam> const m(rows, std::move(factor), 0.25, trace(a) / n);
  EXPECT_NEAR(m.shift(), 0.25 + missing / (n - 30), 1e-12);

  auto shifted = test::outer_product(f, f);
  for (Index i = 0; i < n; ++i) shifted(i, i) += m.shift();
  // In double, whatever the entries of F.
  EXPECT_LT(distance_from_inverse(m, rows, shifted), 1e-11);
}

/// F·Fᵀ + σI, and in its blocks of each rank's clusters K + σI instead.
template <class Real>
ReplicatedMatrix with_blocks(RowBlocks const& rows, LowRankFactor<Real> const& factor,
                             ReplicatedMatrix const& a, double shift, Index size) {
  auto const f = whole(rows, factor);
  auto expected = test::outer_product(f, f);
  ReplicatedMatrix rest(rows.size(), rows.size());
  Range const mine = rows.mine();
  auto const clusters = cluster_rows(factor.rows.data(), mine.size(), factor.rank, size);
  for (Index group = 0; group < clusters.count(); ++group) {
    Range const range = clusters.range(group);
    for (Index k = range.begin; k < range.end; ++k) {
      for (Index l = range.begin; l < range.end; ++l) {
        Index const i = mine.begin + clusters.order[static_cast<std::size_t>(k)];
        Index const j = mine.begin + clusters.order[static_cast<std::size_t>(l)];
        rest(i, j) = a(i, j) - expected(i, j);
      }
    }
  }
  rows.comm().sum(rest.values.data(), static_cast<Index>(rest.values.size()));
  for (std::size_t k = 0; k < rest.values.size(); ++k) expected.values[k] += rest.values[k];
  for (Index i = 0; i < rows.size(); ++i) expected(i, i) += shift;
  return expected;
}

TYPED_TEST(LowRank, apply_with_blocks_inverts_the_kernel_where_they_are) {
  constexpr Index n = 230;  // blocks of one and of several strips
  auto const rows = rows_of(n);
  auto const a = test::random_spd(n, n, 0.1, 5);
  DenseColumns<TypeParam> const columns(a);
  for (Index const size : {1, 7, 64, 100, 230}) {
    auto factor = nystrom(rows, columns, 30);
    double const shift = 0.25 + factor.missing_trace / (n - 30);
    auto const expected = with_blocks(rows, factor, a, shift, size);
    LowRankPreconditioner<TypeParam> const m(rows, std::move(factor), 0.25, trace(a) / n,
                                             BlocksOf<TypeParam>{columns, size});
    EXPECT_NEAR(m.shift(), shift, 1e-12);
    EXPECT_LT(distance_from_inverse(m, rows, expected), 2e3 * this->eps) << size;
  }
}

TYPED_TEST(LowRank, one_block_of_all_points_inverts_the_kernel) {
  if (runtime::Communicator::world().size() > 1) GTEST_SKIP() << "blocks are of one rank's points";
  constexpr Index n = 90;
  auto const rows = rows_of(n);
  auto a = test::random_spd(n, n, 0.1, 8);
  DenseColumns<TypeParam> const columns(a);
  LowRankPreconditioner<TypeParam> const m(rows, nystrom(rows, columns, 10), 0.5, trace(a) / n,
                                           BlocksOf<TypeParam>{columns, n});
  for (Index i = 0; i < n; ++i) a(i, i) += m.shift();
  EXPECT_LT(distance_from_inverse(m, rows, a), 2e3 * this->eps);
}

TYPED_TEST(LowRank, blocks_of_equal_points_are_made_definite) {
  constexpr Index n = 60;
  auto const rows = rows_of(n);
  ReplicatedMatrix ones(n, n);  // of rank 1
  std::ranges::fill(ones.values, 1.0);
  DenseColumns<TypeParam> const columns(ones);
  LowRankPreconditioner<TypeParam> const m(rows, nystrom(rows, columns, 2), 0, 1,
                                           BlocksOf<TypeParam>{columns, 16});
  std::vector<double> r(static_cast<std::size_t>(rows.local_size())), z(r.size());
  for (Index i = 0; i < rows.local_size(); ++i)
    r[static_cast<std::size_t>(i)] = static_cast<double>((rows.mine().begin + i) % 5) - 2;
  m.apply(r.data(), 1, z.data());
  double product = 0;
  for (std::size_t i = 0; i < r.size(); ++i) product += r[i] * z[i];
  EXPECT_GT(rows.comm().sum(product), 0);
}

TYPED_TEST(LowRank, columns_of_a_network_are_those_of_its_kernel) {
  constexpr Index n = 90;
  test::KernelProblem<TypeParam> const problem(n, 4, 2, 7);
  for (auto const kernel : {gram::Kernel::nngp, gram::Kernel::ntk}) {
    EvaluatedColumns<TypeParam> const columns(problem.program(), problem.points(), kernel);
    auto const a = problem.matrix(kernel);
    std::vector<TypeParam> entries(50 * 3);
    columns.evaluate({20, 70}, {3, 89, 40}, entries.data());
    Index const which[] = {3, 89, 40};
    for (Index i = 0; i < 50; ++i)
      for (Index k = 0; k < 3; ++k)
        EXPECT_NEAR(entries[static_cast<std::size_t>(i * 3 + k)], a(20 + i, which[k]),
                    20 * this->eps);
    EXPECT_EQ(entries[20 * 3 + 2], static_cast<TypeParam>(columns.diagonal(40)));
    EXPECT_EQ(columns.size(), n);
    std::vector<Index> const points{70, 3, 41, 89};
    std::vector<TypeParam> square(points.size() * points.size());
    columns.evaluate_square(points, square.data());
    for (std::size_t i = 0; i < points.size(); ++i)
      for (std::size_t j = 0; j < points.size(); ++j)
        EXPECT_NEAR(square[i * points.size() + j], a(points[i], points[j]), 20 * this->eps);
  }
}

}  // namespace
}  // namespace widelimit::regression
