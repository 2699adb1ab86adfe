#include "cli/solver_checkpoint.hpp"

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"
#include "support/hdf5_files.hpp"
#include "support/matrices.hpp"

namespace widelimit::cli {
namespace {

using linalg::ColumnStatus;
using linalg::PcgState;

constexpr Index n = 23, columns = 3;

class Checkpoint : public testing::Test {
 protected:
  Checkpoint() : comm_(runtime::Communicator::world()), folder_(comm_), rows_(comm_, n) {}

  SolverCheckpoint checkpoint(std::string const& input = "network: x",
                              std::chrono::duration<double> every = std::chrono::hours(1)) const {
    return {rows_, folder_.file("run.solver"), {input, "0.1.0 (test)"}, every};
  }

  PcgState state(Index iteration) const {
    auto const local = [&](unsigned seed) {
      auto const whole = test::random_matrix(columns, n, seed);
      std::vector<double> mine;
      for (Index c = 0; c < columns; ++c)
        for (Index i = rows_.mine().begin; i < rows_.mine().end; ++i) mine.push_back(whole(c, i));
      return mine;
    };
    PcgState state;
    state.columns = columns;
    state.iteration = iteration;
    state.x = local(1);
    state.r = local(2);
    state.p = local(3);
    state.rz = {1e-300, 2, 1.0 / 3};
    state.residual = {0.1, 0.2, 0.3};
    state.best = {0.01, 0.02, 0.03};
    state.best_iteration = {1, 2, 3};
    state.confirmed = {std::numeric_limits<double>::max(), 0.5, 0.25};
    state.curvature = {0, -1e-9, 0};
    state.status = {ColumnStatus::active, ColumnStatus::indefinite, ColumnStatus::settled};
    for (Index k = 0; k < iteration; ++k) state.history.push_back(1.0 / static_cast<double>(k + 3));
    return state;
  }

  runtime::Communicator comm_;
  test::Folder folder_;
  linalg::RowBlocks rows_;
};

TEST_F(Checkpoint, holds_every_bit_of_the_state) {
  auto saved = checkpoint();
  EXPECT_FALSE(saved.exists());
  auto const expected = state(7);
  saved.write(expected);
  EXPECT_TRUE(saved.exists());
  auto const found = checkpoint().read(columns);
  EXPECT_EQ(found.columns, columns);
  EXPECT_EQ(found.iteration, 7);
  for (auto const member : {&PcgState::x, &PcgState::r, &PcgState::p, &PcgState::rz,
                            &PcgState::residual, &PcgState::best, &PcgState::best_iteration,
                            &PcgState::confirmed, &PcgState::curvature, &PcgState::history})
    EXPECT_EQ(found.*member, expected.*member);
  EXPECT_EQ(found.status, expected.status);
  saved.write(state(8));
  EXPECT_EQ(checkpoint().read(columns).iteration, 8);
  saved.discard();
  comm_.barrier();
  EXPECT_FALSE(saved.exists());
}

TEST_F(Checkpoint, rows_lie_in_the_order_of_the_data) {
  checkpoint().write(state(1));
  auto const x =
      test::read_dataset<double>(folder_.file("run.solver"), "/state/x", H5T_NATIVE_DOUBLE);
  auto const expected = test::transpose(test::random_matrix(columns, n, 1));
  EXPECT_EQ(x, expected.values);
}

TEST_F(Checkpoint, a_state_before_the_first_iteration_is_not_kept) {
  checkpoint().write(state(0));
  EXPECT_FALSE(checkpoint().exists());
}

TEST_F(Checkpoint, is_written_when_it_is_time) {
  auto late = checkpoint();
  late.write_if_due(state(1));
  EXPECT_FALSE(late.exists());
  auto now = checkpoint("network: x", std::chrono::seconds(0));
  now.write_if_due(state(1));
  EXPECT_TRUE(now.exists());
}

TEST_F(Checkpoint, of_another_run_is_refused) {
  checkpoint().write(state(2));
  test::expect_input_error([&] { checkpoint("network: y").read(columns); },
                           {"run.solver", "network: y"});
  test::expect_input_error([&] { checkpoint().read(columns + 1); },
                           {"run.solver", "remove this file"});
}

}  // namespace
}  // namespace widelimit::cli
