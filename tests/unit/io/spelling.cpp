#include "widelimit/io/spelling.hpp"

#include <array>

#include <gtest/gtest.h>

namespace widelimit::io {
namespace {

TEST(Spelling, edit_distance_counts_a_swap_of_neighbours_once) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("relu", "relu"), 0);
  EXPECT_EQ(edit_distance("rleu", "relu"), 1);
  EXPECT_EQ(edit_distance("w_sdt", "w_std"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
}

TEST(Spelling, nearest_gives_up_where_nothing_is_near) {
  std::array<std::string_view, 3> const known{"kernel", "solver", "ridge"};
  EXPECT_EQ(nearest("kernl", known), "kernel");
  EXPECT_EQ(nearest("sovler", known), "solver");
  EXPECT_FALSE(nearest("momentum", known).has_value());
  EXPECT_EQ(suggestion("rigde", known), " (did you mean `ridge`?)");
  EXPECT_EQ(suggestion("xyz", known), "");
  EXPECT_EQ(join(known), "kernel, solver, ridge");
}

}  // namespace
}  // namespace widelimit::io
