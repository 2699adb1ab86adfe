/// \file
/// What instructions read, live ranges, removal of what nothing needs.
#include "widelimit/program/program.hpp"

#include <gtest/gtest.h>

namespace widelimit::program {
namespace {

/// Vectors 0 (initial), 2, 3, 4 of two columns, matrix 1, scalars 5 and 6:
/// 2 = W·0; 3 = W·2; 5 = 3ᵀ3/n; 4 = W·0; 6 = 2ᵀ2/n; W += 3 2ᵀ/n.
Program example() {
  Program p;
  auto const add = [&](Kind kind, std::string const& name) {
    p.values.push_back({kind, name, kind == Kind::scalar ? 2 : 0, 2});
  };
  add(Kind::vector, "x");
  add(Kind::matrix, "W");
  add(Kind::vector, "a");
  add(Kind::vector, "b");
  add(Kind::vector, "unused");
  add(Kind::scalar, "c");
  add(Kind::scalar, "d");
  p.step = {MatMul{.out = 2, .matrix = 1, .x = 0},
            MatMul{.out = 3, .matrix = 1, .x = 2},
            InnerProducts{.out = 5, .x = 3, .y = 3},
            MatMul{.out = 4, .matrix = 1, .x = 0},
            InnerProducts{.out = 6, .x = 2, .y = 2},
            UpdateMatrix{.matrix = 1, .outer = {{.y = 3, .x = 2}}}};
  return p;
}

TEST(Program, lists_reads_definitions_and_changes) {
  auto const p = example();
  EXPECT_EQ(reads(p.step[0]), (std::vector<Id>{1, 0}));
  EXPECT_EQ(defined(p.step[0]), 2);
  EXPECT_EQ(changed(p.step[0]), none);
  EXPECT_EQ(reads(p.step[5]), (std::vector<Id>{1, 3, 2}));
  EXPECT_EQ(defined(p.step[5]), none);
  EXPECT_EQ(changed(p.step[5]), 1);
  Instruction const assign = Assign{.target = 0, .value = 3};
  EXPECT_EQ(reads(assign), std::vector<Id>{3});
  EXPECT_EQ(changed(assign), 0);
}

TEST(Program, live_ranges_end_at_the_last_read) {
  auto const p = example();
  auto const ranges = live_ranges(p.step, {6});
  ASSERT_EQ(ranges.size(), 5U);
  EXPECT_EQ(ranges[0].value, 2);
  EXPECT_EQ(ranges[0].defined, 0);
  EXPECT_EQ(ranges[0].last_read, 5);
  EXPECT_EQ(ranges[3].value, 4);
  EXPECT_EQ(ranges[3].last_read, 3);
  EXPECT_EQ(ranges[4].last_read, 6);
  EXPECT_EQ(peak_columns(p, p.step), 6);  // a, b and, for one instruction, the unused vector
  EXPECT_EQ(peak_columns(p, pruned(p.step, {}, true)), 4);
}

TEST(Program, prunes_what_nothing_needs) {
  auto const p = example();
  EXPECT_EQ(pruned(p.step, {5}, false).size(), 3U);
  EXPECT_EQ(pruned(p.step, {6}, false).size(), 2U);
  EXPECT_EQ(pruned(p.step, {}, true).size(), 3U);
  EXPECT_EQ(pruned(p.step, {5, 6}, true).size(), 5U);
}

}  // namespace
}  // namespace widelimit::program
