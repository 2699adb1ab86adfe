#include "widelimit/runtime/environment.hpp"

#include <Kokkos_Core.hpp>
#include <gtest/gtest.h>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::runtime {
namespace {

TEST(Environment, a_second_one_ends_nothing_that_it_did_not_begin) {
  int argc = 0;
  char** argv = nullptr;
  { Environment const second(argc, argv); }
  EXPECT_TRUE(Kokkos::is_initialized());
  EXPECT_EQ(Communicator::world().sum(Index{1}), Communicator::world().size());
}

TEST(Environment, tells_what_threads_there_are) {
  EXPECT_EQ(Environment::threads(), Kokkos::DefaultHostExecutionSpace().concurrency());
  EXPECT_GE(Environment::threads(), 1);
  int level = MPI_THREAD_SINGLE;
  MPI_Query_thread(&level);
  EXPECT_EQ(Environment::threads_may_communicate(), level == MPI_THREAD_MULTIPLE);
}

TEST(Environment, failed_calls_are_reported_instead_of_ending_the_program) {
  auto const world = Communicator::world();
  int value = 0;
  EXPECT_NE(MPI_Bcast(&value, 1, MPI_INT, world.size(), MPI_COMM_WORLD), MPI_SUCCESS);
}

}  // namespace
}  // namespace widelimit::runtime
