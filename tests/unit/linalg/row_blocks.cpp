#include "widelimit/linalg/row_blocks.hpp"

#include <gtest/gtest.h>

namespace widelimit::linalg {
namespace {

runtime::Communicator const& world() {
  static auto const comm = runtime::Communicator::world();
  return comm;
}

TEST(RowBlocks, every_row_has_one_rank_even_where_there_are_fewer_rows_than_ranks) {
  for (Index const n : {1, 2, 7, 64}) {
    RowBlocks const rows(world(), n);
    Index next = 0;
    for (int rank = 0; rank < world().size(); ++rank) {
      EXPECT_EQ(rows.of(rank).begin, next);
      next = rows.of(rank).end;
    }
    EXPECT_EQ(next, n);
    EXPECT_EQ(rows.local_size(), rows.of(world().rank()).size());
  }
}

TEST(RowBlocks, gathers_and_sums) {
  constexpr Index columns = 3;
  for (Index const n : {1, 2, 7, 64}) {
    RowBlocks const rows(world(), n);
    Index const local = rows.local_size();
    std::vector<double> mine(static_cast<std::size_t>(local * columns));
    for (Index c = 0; c < columns; ++c)
      for (Index i = 0; i < local; ++i)
        mine[static_cast<std::size_t>(c * local + i)] =
            static_cast<double>(100 * c + rows.mine().begin + i);
    std::vector<double> whole(static_cast<std::size_t>(n * columns));
    rows.gather(mine.data(), columns, whole.data());
    for (Index c = 0; c < columns; ++c)
      for (Index i = 0; i < n; ++i)
        EXPECT_EQ(whole[static_cast<std::size_t>(c * n + i)], static_cast<double>(100 * c + i));

    std::vector<double> sums(mine.size());
    rows.sum_scatter(whole.data(), columns, sums.data());
    for (std::size_t k = 0; k < sums.size(); ++k) EXPECT_EQ(sums[k], world().size() * mine[k]);

    auto const dots = rows.dots(mine.data(), mine.data(), columns);
    for (Index c = 0; c < columns; ++c) {
      double expected = 0;
      for (Index i = 0; i < n; ++i) expected += static_cast<double>((100 * c + i) * (100 * c + i));
      EXPECT_EQ(dots[static_cast<std::size_t>(c)], expected);
    }

    auto const products = rows.products(mine.data(), 2, mine.data(), columns);
    for (Index l = 0; l < columns; ++l) {
      for (Index k = 0; k < 2; ++k) {
        double expected = 0;
        for (Index i = 0; i < n; ++i)
          expected += static_cast<double>((100 * k + i) * (100 * l + i));
        EXPECT_EQ(products[static_cast<std::size_t>(l * 2 + k)], expected);
      }
    }
  }
}

}  // namespace
}  // namespace widelimit::linalg
