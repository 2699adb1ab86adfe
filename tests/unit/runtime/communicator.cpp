#include "widelimit/runtime/communicator.hpp"

#include <gtest/gtest.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::runtime {
namespace {

TEST(Communicator, sums_arrays_entry_by_entry) {
  auto const world = Communicator::world();
  Index const count = 300007;
  std::vector<double> wide(count);
  std::vector<float> narrow(count);
  for (Index i = 0; i < count; ++i) {
    wide[i] = static_cast<double>(i * (world.rank() + 1));
    narrow[i] = static_cast<float>(i % 1000 - world.rank());
  }
  world.sum(wide.data(), count);
  world.sum(narrow.data(), count);
  Index const n = world.size();
  for (Index i = 0; i < count; ++i) {
    ASSERT_EQ(wide[i], static_cast<double>(i * n * (n + 1) / 2));
    ASSERT_EQ(narrow[i], static_cast<float>(n * (i % 1000) - n * (n - 1) / 2));
  }
  world.sum(wide.data(), 0);
  EXPECT_EQ(wide[1], static_cast<double>(n * (n + 1) / 2));
}

TEST(Communicator, reduces_numbers) {
  auto const world = Communicator::world();
  Index const rank = world.rank(), last = world.size() - 1;
  Index const beyond_32_bits = Index{1} << 40;
  EXPECT_EQ(world.max(beyond_32_bits + rank), beyond_32_bits + last);
  EXPECT_EQ(world.min(rank - beyond_32_bits), -beyond_32_bits);
  EXPECT_EQ(world.sum(beyond_32_bits), beyond_32_bits * world.size());
  EXPECT_EQ(world.max(-1.5 - static_cast<double>(rank)), -1.5);
  EXPECT_EQ(world.sum(0.25), 0.25 * world.size());
}

TEST(Communicator, finds_the_first_rank_of_those_flagged) {
  auto const world = Communicator::world();
  EXPECT_EQ(world.first_rank_where(false), -1);
  for (int first = 0; first < world.size(); ++first) {
    EXPECT_EQ(world.first_rank_where(world.rank() == first), first);
    EXPECT_EQ(world.first_rank_where(world.rank() >= first), first);
  }
}

TEST(Communicator, broadcasts_from_any_rank) {
  auto const world = Communicator::world();
  for (int root = 0; root < world.size(); ++root) {
    std::string const text(std::string("zero \0 in the middle, from ", 27) + std::to_string(root));
    EXPECT_EQ(
        world.broadcast(world.rank() == root ? text : "something longer than the text sent", root),
        text);
    EXPECT_EQ(world.broadcast(std::string(), root), "");
    std::vector<double> values(1000, world.rank() == root ? 0.5 : -1.0);
    world.broadcast(values.data(), static_cast<Index>(values.size() * sizeof(double)), root);
    EXPECT_EQ(values, std::vector<double>(1000, 0.5));
  }
}

TEST(Communicator, all_ranks_of_a_test_share_a_node) {
  auto const world = Communicator::world();
  EXPECT_EQ(world.ranks_on_node(), world.size());
}

TEST(Communicator, may_hold_some_ranks_only) {
  auto const world = Communicator::world();
  MPI_Comm half = MPI_COMM_NULL;
  WIDELIMIT_MPI(MPI_Comm_split(world.get(), world.rank() % 2, world.rank(), &half));
  Communicator const part(half);
  WIDELIMIT_MPI(MPI_Comm_free(&half));
  EXPECT_EQ(part.rank(), world.rank() / 2);
  EXPECT_EQ(part.size(), (world.size() + 1 - world.rank() % 2) / 2);
  EXPECT_EQ(part.ranks_on_node(), part.size());
  EXPECT_EQ(part.sum(Index{world.rank() % 2}), part.size() * (world.rank() % 2));
  EXPECT_EQ(part.is_root(), world.rank() < 2);
}

TEST(Communicator, copies_share_one_that_is_freed_with_the_last) {
  Communicator copy = Communicator::world();
  {
    auto const original = Communicator::world();
    copy = original;
    EXPECT_EQ(copy.get(), original.get());
  }
  EXPECT_EQ(copy.sum(Index{1}), copy.size());
}

TEST(CheckMpi, names_the_call_that_failed) {
  check_mpi(MPI_SUCCESS, "MPI_Bcast(…)");
  try {
    check_mpi(MPI_ERR_COUNT, "MPI_Bcast(…)");
    FAIL();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::failed);
    EXPECT_NE(std::string(e.what()).find("MPI_Bcast(…)"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace widelimit::runtime
