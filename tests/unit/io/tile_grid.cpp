#include "widelimit/io/tile_grid.hpp"

#include <gtest/gtest.h>

namespace widelimit::io {
namespace {

constexpr Coverage all_coverages[] = {Coverage::all, Coverage::lower, Coverage::mirror};

/// Calls f for a few grids, with and without a ragged edge.
template <class F>
void for_each_small_grid(F const& f) {
  for (auto const coverage : all_coverages)
    for (Index const rows : {1, 7, 8, 9, 40, 61})
      for (Index const cols : {1, 8, 23, 61})
        for (Index const tile : {1, 3, 8, 100}) {
          if (coverage != Coverage::all && rows != cols) continue;
          SCOPED_TRACE(testing::Message() << rows << " x " << cols << ", tile " << tile);
          f(TileGrid{rows, cols, tile, coverage});
        }
}

TEST(TileGrid, numbers_run_through_the_row_blocks_in_order) {
  for_each_small_grid([](TileGrid const& grid) {
    Index number = 0;
    for (Index row = 0; row < grid.row_blocks(); ++row)
      for (Index col = 0; col < (grid.triangular() ? row + 1 : grid.col_blocks());
           ++col, ++number) {
        EXPECT_EQ(grid.number({row, col}), number);
        EXPECT_EQ(grid.id(number), (TileId{row, col}));
      }
    EXPECT_EQ(grid.count(), number);
  });
}

TEST(TileGrid, ranges_join_without_gaps) {
  for_each_small_grid([](TileGrid const& grid) {
    Index end = 0;
    for (Index row = 0; row < grid.row_blocks(); ++row) {
      auto const range = grid.row_range({row, 0});
      EXPECT_EQ(range.begin, end);
      EXPECT_GT(range.size(), 0);
      EXPECT_LE(range.size(), grid.tile);
      end = range.end;
    }
    EXPECT_EQ(end, grid.rows);
    end = 0;
    for (Index col = 0; col < grid.col_blocks(); ++col) {
      EXPECT_EQ(grid.col_range({0, col}).begin, end);
      end = grid.col_range({0, col}).end;
    }
    EXPECT_EQ(end, grid.cols);
  });
}

TEST(TileGrid, entries_of_the_tiles_add_up_to_those_of_the_matrix) {
  for_each_small_grid([](TileGrid const& grid) {
    Index sum = 0;
    for (Index number = 0; number < grid.count(); ++number) sum += grid.entries(grid.id(number));
    EXPECT_EQ(sum, grid.total_entries());
  });
  EXPECT_EQ((TileGrid{60, 60, 8, Coverage::lower}.total_entries()), 60 * 61 / 2);
  EXPECT_EQ((TileGrid{60, 40, 8, Coverage::all}.total_entries()), 60 * 40);
}

TEST(TileGrid, numbers_survive_the_way_to_ids_and_back_on_the_largest_grids) {
  // Two thousand million points in tiles of one: 2^61 tiles, beyond what a double tells apart.
  for (auto const coverage : all_coverages)
    for (Index const points : {Index{60000}, Index{10000019}, Index{1} << 31})
      for (Index const tile : {1, 1000, 1024}) {
        TileGrid const grid{points, points, tile, coverage};
        Index const last = grid.row_blocks() - 1;
        for (Index const row : {Index{0}, Index{1}, last / 3, last / 2, last - 1, last})
          for (Index const col : {Index{0}, row / 2, row}) {
            TileId const id{row, col};
            EXPECT_EQ(grid.id(grid.number(id)), id) << points << " points, tile " << tile;
          }
        // The ends of rows are where rounding would show.
        for (Index const row : {last / 2, last}) {
          EXPECT_EQ(grid.id(grid.number({row, 0}) - 1).row, row - 1);
          EXPECT_EQ(grid.id(grid.number({row, row})).row, row);
        }
        EXPECT_EQ(grid.id(grid.count() - 1), (TileId{last, last}));
        EXPECT_EQ(grid.row_range({last, 0}).end, points);
      }
}

TEST(TileGrid, counts_do_not_wrap_at_32_bits) {
  EXPECT_EQ((TileGrid{46341, 46341, 1, Coverage::all}.count()), Index{46341} * 46341);
  EXPECT_EQ((TileGrid{100000, 100000, 1, Coverage::lower}.count()), 5000050000);
  EXPECT_EQ((TileGrid{60000, 60000, 60000, Coverage::all}.entries({0, 0})), 3600000000);
}

}  // namespace
}  // namespace widelimit::io
