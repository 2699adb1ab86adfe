#include "widelimit/runtime/lockstep.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace widelimit::runtime {
namespace {

TEST(Lockstep, tells_the_worst_standing_of_the_round_before) {
  auto const world = Communicator::world();
  int const last = world.size() - 1;
  // In each round one rank stands worse than the others.
  struct Round {
    int rank;
    Standing standing;
  };
  std::vector<Round> const rounds{
      {0, Standing::fine},    {last, Standing::stop_requested}, {0, Standing::failed},
      {last, Standing::fine}, {0, Standing::stop_requested},    {last, Standing::failed},
      {0, Standing::fine}};
  Lockstep lockstep(world);
  Standing expected = Standing::fine;
  for (auto const& round : rounds) {
    bool const mine = world.rank() == round.rank;
    EXPECT_EQ(lockstep.exchange(mine ? round.standing : Standing::fine), expected);
    expected = round.standing;
  }
}

TEST(Lockstep, a_failure_outweighs_a_stop_request) {
  auto const world = Communicator::world();
  bool const is_last = world.rank() == world.size() - 1;
  Lockstep lockstep(world);
  lockstep.exchange(is_last ? Standing::failed : Standing::stop_requested);
  EXPECT_EQ(lockstep.exchange(Standing::fine), Standing::failed);
}

TEST(Lockstep, all_ranks_leave_in_the_round_after_a_failure) {
  auto const world = Communicator::world();
  for (int failing = 0; failing < world.size(); ++failing) {
    Index rounds = 0;
    Lockstep lockstep(world);
    for (bool failed = false; rounds < 20; ++rounds) {
      failed = failed || (world.rank() == failing && rounds == 3);
      if (lockstep.exchange(failed ? Standing::failed : Standing::fine) == Standing::failed) break;
    }
    EXPECT_EQ(rounds, 4);
  }
}

TEST(Lockstep, other_communication_may_happen_between_rounds) {
  auto const world = Communicator::world();
  Lockstep lockstep(world);
  for (Index round = 0; round < 5; ++round) {
    EXPECT_EQ(lockstep.exchange(Standing::fine), Standing::fine);
    EXPECT_EQ(world.sum(round), round * world.size());
  }
}

}  // namespace
}  // namespace widelimit::runtime
