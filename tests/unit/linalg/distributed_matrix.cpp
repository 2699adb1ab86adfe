#include "widelimit/linalg/distributed_matrix.hpp"

#include <climits>

#include <gtest/gtest.h>

#include "widelimit/linalg/triangle.hpp"
#include "widelimit/runtime/error.hpp"

#include "support/matrices.hpp"

namespace widelimit::linalg {
namespace {

TEST(ProcessGrid, holds_all_ranks_with_no_more_rows_than_columns) {
  auto const grid = test::world_grid();
  EXPECT_EQ(grid.rows() * grid.cols(), grid.comm().size());
  EXPECT_LE(grid.rows(), grid.cols());
  EXPECT_EQ(grid.row() * grid.cols() + grid.col(), grid.comm().rank());
  if (grid.size() == 4) {
    EXPECT_EQ(grid.rows(), 2);
  }
}

TEST(ProcessGrid, contexts_can_be_made_and_dropped_many_times) {
  for (int i = 0; i < 200; ++i) {
    ProcessGrid const grid(runtime::Communicator::world());
    auto const copy = grid;
    ASSERT_EQ(copy.context(), grid.context());
  }
}

TEST(DistributedMatrix, gather_undoes_scatter) {
  for (Index cols : {1, 5, 70}) {
    auto const whole = test::random_matrix(101, cols, 3);
    DistributedMatrix<double> a(test::world_grid(), 101, cols, 16);
    a.scatter(whole);
    EXPECT_EQ(a.gather().values, whole.values);
  }
}

TEST(DistributedMatrix, blocks_cover_each_entry_of_a_triangle_once) {
  Index const n = 101;
  for (Part part : {Part::all, Part::lower, Part::upper}) {
    DistributedMatrix<float> a(test::world_grid(), n, n, 16);
    a.for_each_block(part, [](Range rows, Range cols, float* entries, Index ld) {
      for (Index j = 0; j < cols.size(); ++j)
        for (Index i = 0; i < rows.size(); ++i)
          entries[i + j * ld] += static_cast<float>(1000 * (rows.begin + i) + cols.begin + j + 1);
    });
    auto const whole = a.gather();
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j) {
        bool const visited =
            part == Part::all || i / 16 == j / 16 || (part == Part::lower ? i > j : i < j);
        ASSERT_EQ(whole(i, j), visited ? static_cast<double>(1000 * i + j + 1) : 0.0);
      }
  }
}

TEST(DistributedMatrix, global_entries_are_where_their_owner_says) {
  DistributedMatrix<double> a(test::world_grid(), 37, 29, 4);
  for (Index i = 0; i < 37; ++i)
    for (Index j = 0; j < 29; ++j)
      if (a.owns(i, j)) a.global(i, j) = static_cast<double>(100 * i + j);
  auto const whole = a.gather();
  for (Index i = 0; i < 37; ++i)
    for (Index j = 0; j < 29; ++j) ASSERT_EQ(whole(i, j), static_cast<double>(100 * i + j));
}

TEST(DistributedMatrix, refuses_what_does_not_fit_on_every_rank) {
  auto const grid = test::world_grid();
  try {
    DistributedMatrix<double> const a(grid, Index{INT_MAX} + 1, 1);
    FAIL();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::wrong_input);
    EXPECT_NE(std::string(e.what()).find("32-bit"), std::string::npos) << e.what();
  }
  try {
    DistributedMatrix<double> const a(grid, 2000000, 2000000);
    FAIL();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::wrong_input);
    std::string const expected = grid.size() == 1 ? "out of memory" : "use at least 1863 ranks";
    EXPECT_NE(std::string(e.what()).find(expected), std::string::npos) << e.what();
  }
}

TEST(Triangle, mirrors_and_sets_diagonals) {
  Index const n = 101;
  auto const whole = test::random_matrix(n, n, 5);
  auto lower = test::distribute<double>(whole, 16);
  auto upper = test::distribute<double>(whole, 16);
  mirror_lower_to_upper(lower);
  mirror_upper_to_lower(upper);
  auto values = diagonal(lower);
  for (Index i = 0; i < n; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], whole(i, i));
  set_diagonal(upper, values, 2.0);
  auto const from_lower = lower.gather();
  auto const from_upper = upper.gather();
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      ASSERT_EQ(from_lower(i, j), whole(std::max(i, j), std::min(i, j)));
      ASSERT_EQ(from_upper(i, j), whole(std::min(i, j), std::max(i, j)) + (i == j ? 2.0 : 0.0));
    }
}

}  // namespace
}  // namespace widelimit::linalg
