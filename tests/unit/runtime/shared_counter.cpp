#include "widelimit/runtime/shared_counter.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace widelimit::runtime {
namespace {

constexpr Index count = 200;

/// Takes numbers below `count` until there are none, `at_most` a rank. Returns how often each was
/// taken by any rank.
std::vector<double> take_all(SharedCounter& counter, Communicator const& comm, Index at_most) {
  std::vector<double> taken(count);
  Index last = -1;
  for (Index k = 0; k < at_most; ++k) {
    Index const number = counter.take();
    EXPECT_GT(number, last);
    last = number;
    if (number >= count) break;
    taken[static_cast<std::size_t>(number)] += 1;
  }
  comm.sum(taken.data(), count);
  return taken;
}

TEST(SharedCounter, gives_each_number_to_one_rank) {
  auto const world = Communicator::world();
  for (int round = 0; round < 20; ++round) {
    SharedCounter counter(world);
    EXPECT_EQ(take_all(counter, world, 2 * count), std::vector<double>(count, 1.0));
  }
}

TEST(SharedCounter, a_rank_that_is_busy_takes_less) {
  auto const world = Communicator::world();
  int const busy = world.size() - 1;
  SharedCounter counter(world);
  auto const taken = take_all(counter, world, world.rank() == busy ? 1 : 2 * count);
  double all = 0;
  for (double const times : taken) all += times;
  // The busy one may have asked for a number more, which nobody gets.
  EXPECT_GE(all, world.size() == 1 ? 1 : count - 1);
}

TEST(SharedCounter, has_no_numbers_once_it_is_closed) {
  auto const world = Communicator::world();
  SharedCounter counter(world);
  EXPECT_LT(counter.take(), SharedCounter::closed);
  world.barrier();
  if (world.is_root()) counter.close();
  world.barrier();
  counter.take();  // asked for before
  EXPECT_GE(counter.take(), SharedCounter::closed);
}

TEST(SharedCounter, counters_are_apart) {
  auto const world = Communicator::world();
  SharedCounter first(world), second(world);
  first.close();
  world.barrier();
  EXPECT_EQ(take_all(second, world, 2 * count), std::vector<double>(count, 1.0));
}

}  // namespace
}  // namespace widelimit::runtime
