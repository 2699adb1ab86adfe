#include "widelimit/runtime/agree.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::runtime {
namespace {

TEST(Agree, returns_where_no_rank_throws) {
  int calls = 0;
  agree(Communicator::world(), [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(Agree, throws_the_error_of_the_first_failing_rank_on_every_rank) {
  auto const world = Communicator::world();
  int const last = world.size() - 1;
  try {
    agree(world, [&] {
      if (world.rank() == last) throw InputError({"job.yaml", 7, "data.train"}, "no such file");
    });
    FAIL() << "no exception on rank " << world.rank();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::wrong_input);
    EXPECT_STREQ(e.what(), "job.yaml:7: data.train: no such file");
  }
}

TEST(Agree, an_unknown_exception_is_a_failure_and_memory_is_input) {
  auto const world = Communicator::world();
  try {
    agree_on_root(world, [] { throw std::runtime_error("broken"); });
    FAIL();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::failed);
  }
  try {
    agree(world, [] { throw std::bad_alloc(); });
    FAIL();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::wrong_input);
  }
}

TEST(Communicator, long_messages_arrive_whole) {
  auto const world = Communicator::world();
  std::string const text(100000, 'x');
  EXPECT_EQ(world.broadcast(world.is_root() ? text : ""), text);
  EXPECT_EQ(world.sum(Index{1}), world.size());
}

}  // namespace
}  // namespace widelimit::runtime
