#include "widelimit/kernels/part_times_columns.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace widelimit::kernels {
namespace {

/// Column-major, `ld` numbers a column, random.
template <class Real>
struct RandomColumns {
  Index ld;
  std::vector<Real> values;

  RandomColumns(Index rows, Index columns, unsigned seed)
      : ld(rows + 3), values(static_cast<std::size_t>(ld * columns)) {
    std::mt19937 bits(seed);
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (Real& x : values) x = static_cast<Real>(uniform(bits));
  }
  double operator()(Index row, Index column) const {
    return static_cast<double>(values[static_cast<std::size_t>(column * ld + row)]);
  }
  Columns<Real const> from() const { return {values.data(), ld}; }
  Columns<Real> to() { return {values.data(), ld}; }
};

template <class Entry_, class Sum_>
struct Types {
  using Entry = Entry_;
  using Sum = Sum_;
};

template <class>
class PartTimesColumns : public testing::Test {};
using Precisions = testing::Types<Types<float, float>, Types<float, double>, Types<double, double>>;
TYPED_TEST_SUITE(PartTimesColumns, Precisions);

template <class Entry, class Sum, PartPass sides>
void expect_sums(Index height, Index width, Index columns) {
  SCOPED_TRACE(testing::Message() << height << " x " << width << ", " << columns << " columns");
  RandomColumns<Entry> const part(width, height, 1);  // read by rows
  auto const entry = [&](Index i, Index j) { return part(j, i); };
  RandomColumns<Sum> const x_cols(width, columns, 2), x_rows(height, columns, 3);
  RandomColumns<Sum> y_rows(height, columns, 4), y_cols(width, columns, 5);
  auto const rows_before = y_rows, cols_before = y_cols;
  part_times_columns<sides>(part.values.data(), part.ld, height, width, columns, x_cols.from(),
                            x_rows.from(), y_rows.to(), y_cols.to());

  double const eps = std::numeric_limits<Sum>::epsilon();
  double const allowed = 4 * eps * static_cast<double>(height + width);
  auto expected_rows = rows_before, expected_cols = cols_before;
  double error = 0;
  for (Index k = 0; k < columns; ++k) {
    for (Index i = 0; i < height; ++i) {
      double sum = rows_before(i, k);
      if (sides != PartPass::columns)
        for (Index j = 0; j < width; ++j) sum += entry(i, j) * x_cols(j, k);
      error = std::max(error, std::abs(y_rows(i, k) - sum));
      expected_rows.values[static_cast<std::size_t>(k * y_rows.ld + i)] =
          y_rows.values[static_cast<std::size_t>(k * y_rows.ld + i)];
    }
    for (Index j = 0; j < width; ++j) {
      double sum = cols_before(j, k);
      if (sides != PartPass::rows)
        for (Index i = 0; i < height; ++i) sum += entry(i, j) * x_rows(i, k);
      error = std::max(error, std::abs(y_cols(j, k) - sum));
      expected_cols.values[static_cast<std::size_t>(k * y_cols.ld + j)] =
          y_cols.values[static_cast<std::size_t>(k * y_cols.ld + j)];
    }
  }
  EXPECT_LE(error, allowed);
  // Nothing is written between the columns.
  EXPECT_EQ(y_rows.values, expected_rows.values);
  EXPECT_EQ(y_cols.values, expected_cols.values);
}

TYPED_TEST(PartTimesColumns, adds_what_loops_add) {
  using Entry = typename TypeParam::Entry;
  using Sum = typename TypeParam::Sum;
  Index const shapes[][2] = {{1, 1}, {3, 5}, {4, 16}, {7, 15}, {64, 64}, {65, 37}, {130, 1043}};
  for (auto const& [height, width] : shapes) {
    for (Index columns = 1; columns <= 13; ++columns) {
      expect_sums<Entry, Sum, PartPass::rows>(height, width, columns);
      expect_sums<Entry, Sum, PartPass::columns>(height, width, columns);
      expect_sums<Entry, Sum, PartPass::both>(height, width, columns);
    }
  }
}

TYPED_TEST(PartTimesColumns, needs_nothing_of_the_side_it_does_not_add_to) {
  using Entry = typename TypeParam::Entry;
  using Sum = typename TypeParam::Sum;
  constexpr Index n = 70, columns = 6;
  RandomColumns<Entry> const part(n, n, 1);
  RandomColumns<Sum> const x(n, columns, 2);
  RandomColumns<Sum> rows(n, columns, 3), cols(n, columns, 3);
  auto const both_rows_before = rows;
  Columns<Sum const> const no_x{nullptr, 0};
  Columns<Sum> const no_y{nullptr, 0};
  part_times_columns<PartPass::rows>(part.values.data(), part.ld, n, n, columns, x.from(), no_x,
                                     rows.to(), no_y);
  part_times_columns<PartPass::columns>(part.values.data(), part.ld, n, n, columns, no_x, x.from(),
                                        no_y, cols.to());
  auto both_rows = both_rows_before, both_cols = both_rows_before;
  part_times_columns<PartPass::both>(part.values.data(), part.ld, n, n, columns, x.from(), x.from(),
                                     both_rows.to(), both_cols.to());
  EXPECT_EQ(rows.values, both_rows.values);
  EXPECT_EQ(cols.values, both_cols.values);
}

TYPED_TEST(PartTimesColumns, sums_of_lanes_of_four_are_those_of_each) {
  using Sum = typename TypeParam::Sum;
  RandomColumns<Sum> const numbers(lanes<Sum>, 4, 6);
  Lanes<Sum> vectors[4];
  Sum sums[4] = {1, 2, 3, 4};
  double expected[4] = {1, 2, 3, 4};
  for (int k = 0; k < 4; ++k) {
    vectors[k] = load_lanes(numbers.values.data() + k * numbers.ld);
    for (Index lane = 0; lane < lanes<Sum>; ++lane) expected[k] += numbers(lane, k);
  }
  add_lanes_of_four(vectors, sums);
  for (int k = 0; k < 4; ++k)
    EXPECT_NEAR(sums[k], expected[k], 16 * std::numeric_limits<Sum>::epsilon());
}

}  // namespace
}  // namespace widelimit::kernels
