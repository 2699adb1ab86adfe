#include "widelimit/linalg/block_cyclic.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace widelimit::linalg {
namespace {

TEST(BlockCyclicAxis, agrees_with_dealing_out_blocks_one_by_one) {
  for (Index size : {0, 1, 2, 5, 16, 31, 32, 33, 100, 257})
    for (Index block : {1, 2, 7, 32, 300})
      for (int procs : {1, 2, 3, 5, 8}) {
        BlockCyclicAxis const axis{size, block, procs};
        std::vector<std::vector<Index>> held(static_cast<std::size_t>(procs));
        for (Index g = 0, proc = 0; g < size; ++g) {
          if (g > 0 && g % block == 0) proc = (proc + 1) % procs;
          auto& mine = held[static_cast<std::size_t>(proc)];
          ASSERT_EQ(axis.owner(g), proc);
          ASSERT_EQ(axis.to_local(g), static_cast<Index>(mine.size()));
          ASSERT_EQ(axis.to_global(static_cast<int>(proc), axis.to_local(g)), g);
          mine.push_back(g);
        }
        for (int proc = 0; proc < procs; ++proc) {
          auto const& mine = held[static_cast<std::size_t>(proc)];
          ASSERT_EQ(axis.local_count(proc), static_cast<Index>(mine.size()));
          std::vector<Index> by_blocks;
          for (Index b = 0; b < axis.local_blocks(proc); ++b) {
            Range const range = axis.block_range(proc, b);
            ASSERT_GT(range.size(), 0);
            for (Index g = range.begin; g < range.end; ++g) by_blocks.push_back(g);
          }
          ASSERT_EQ(by_blocks, mine);
        }
      }
}

TEST(BlockCyclicAxis, counts_beyond_32_bits) {
  BlockCyclicAxis const axis{Index{1} << 40, 128, 4};
  EXPECT_EQ(axis.local_count(3), Index{1} << 38);
  EXPECT_EQ(axis.to_global(3, axis.to_local((Index{1} << 40) - 1)), (Index{1} << 40) - 1);
}

}  // namespace
}  // namespace widelimit::linalg
