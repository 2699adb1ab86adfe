#include "widelimit/regression/clusters.hpp"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

namespace widelimit::regression {
namespace {

/// Rows about as many centres, in mixed order: row i is of centre i % centres.
std::vector<float> rows_about(Index n, Index rank, Index centres, double spread) {
  std::mt19937 bits(3);
  std::normal_distribution<double> normal;
  std::vector<double> centre(static_cast<std::size_t>(centres * rank));
  for (double& x : centre) x = normal(bits);
  std::vector<float> f;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < rank; ++j)
      f.push_back(static_cast<float>(centre[static_cast<std::size_t>(i % centres * rank + j)] +
                                     spread * normal(bits)));
  return f;
}

void expect_partition(Clusters const& clusters, Index n, Index size) {
  auto order = clusters.order;
  std::ranges::sort(order);
  ASSERT_EQ(static_cast<Index>(order.size()), n);
  for (Index i = 0; i < n; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(clusters.count(), (n + size - 1) / size);
  EXPECT_EQ(clusters.begins.back(), n);
  Index least = n, most = 0;
  for (Index group = 0; group < clusters.count(); ++group) {
    least = std::min(least, clusters.range(group).size());
    most = std::max(most, clusters.range(group).size());
  }
  EXPECT_LE(most, size);
  if (n > 0) {
    EXPECT_GE(least, most - 2);  // a remainder of each halving may fall to one side
    EXPECT_GE(least, 1);
  }
}

TEST(Clusters, hold_every_row_once_in_groups_of_like_sizes) {
  for (Index const n : {0, 1, 2, 7, 64, 100, 333})
    for (Index const size : {1, 3, 64, 1000})
      expect_partition(cluster_rows(rows_about(n, 5, 3, 1).data(), n, 5, size), n, size);
}

TEST(Clusters, are_of_neighbours) {
  constexpr Index centres = 8, each = 40, rank = 12;
  auto const f = rows_about(centres * each, rank, centres, 0.01);
  auto const clusters = cluster_rows(f.data(), centres * each, rank, each);
  ASSERT_EQ(clusters.count(), centres);
  for (Index group = 0; group < centres; ++group) {
    std::set<Index> seen;
    Range const range = clusters.range(group);
    for (Index k = range.begin; k < range.end; ++k)
      seen.insert(clusters.order[static_cast<std::size_t>(k)] % centres);
    // A cut through the middle may go through a few of the centres' rows.
    EXPECT_LE(seen.size(), 2U) << group;
  }
}

TEST(Clusters, of_equal_rows_are_groups_all_the_same) {
  std::vector<double> const f(100 * 4, 0.5);
  expect_partition(cluster_rows(f.data(), 100, 4, 8), 100, 8);
}

TEST(Clusters, of_the_same_rows_are_the_same) {
  auto const f = rows_about(200, 6, 5, 0.3);
  auto const one = cluster_rows(f.data(), 200, 6, 16), other = cluster_rows(f.data(), 200, 6, 16);
  EXPECT_EQ(one.order, other.order);
  EXPECT_EQ(one.begins, other.begins);
}

}  // namespace
}  // namespace widelimit::regression
