#include "widelimit/gram/tile_loop.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "widelimit/gram/block_cyclic_sink.hpp"
#include "widelimit/network/layers.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::gram {
namespace {

constexpr Index n = 41, d = 3, tile_size = 6;

/// Calls a function for each tile, and counts what it was given.
class RecordingSink final : public TileSink<double> {
 public:
  using Action = std::function<void(Tile<double> const&, bool stored)>;
  explicit RecordingSink(Index tiles, Action action = {})
      : visits(static_cast<std::size_t>(tiles)), action_(std::move(action)) {}

  void accept(Tile<double> const& tile, bool stored) override {
    visits[static_cast<std::size_t>(tile.number)] += 1;
    if (action_) action_(tile, stored);
  }
  void end_round() override { ++rounds; }

  std::vector<double> visits;  ///< by tile, of this rank
  Index rounds = 0;

 private:
  Action action_;
};

/// Holds every third tile, filled with its number.
class EveryThird final : public TileSource<double> {
 public:
  bool has(Index tile) const override { return tile % 3 == 0; }
  void read(Index tile, double* nngp, double* ntk, Index ld) const override {
    for (double* kernel : {nngp, ntk})
      if (kernel != nullptr) std::fill_n(kernel, tile_size * ld, static_cast<double>(tile));
  }
};

class TileLoop : public testing::Test {
 protected:
  TileLoop() : points_(prepare_points(inputs(), n, d)) {
    network::Sequence const network{{network::Dense{1.5, 0.1}, "dense"},
                                    {network::Activation{network::AbRelu{}}, "relu"},
                                    {network::Dense{}, "dense"}};
    program_ = gram::bind(compile(network), std::vector{&points_});
  }

  static std::vector<double> inputs() {
    std::vector<double> x(n * d);
    for (Index i = 0; i < n * d; ++i) x[i] = std::sin(1.0 + 0.7 * static_cast<double>(i));
    return x;
  }

  TileEvaluator<double> evaluator(Output output = Output::both) const {
    return {program_, points_, points_, output};
  }

  void run(std::vector<TileSink<double>*> const& sinks, TileSource<double> const* stored = nullptr,
           bool revisit = false, Output output = Output::both, Dealing dealing = Dealing::fixed) {
    for_each_tile(comm_, evaluator(output), grid_,
                  schedule(grid_, comm_.size(), stored, revisit, dealing), stored, sinks, stop_);
  }

  /// Visits over all ranks.
  std::vector<double> all_visits(RecordingSink const& sink) const {
    auto sums = sink.visits;
    comm_.sum(sums.data(), static_cast<Index>(sums.size()));
    return sums;
  }

  std::vector<double> every_tile_once() const {
    return std::vector<double>(static_cast<std::size_t>(grid_.count()), 1.0);
  }

  /// The same number on all ranks.
  Index agreed(Index value) const {
    EXPECT_EQ(comm_.min(value), comm_.max(value));
    return value;
  }

  runtime::Communicator comm_ = runtime::Communicator::world();
  runtime::StopRequest stop_;
  io::TileGrid grid_{n, n, tile_size, io::Coverage::lower};
  Points<double> points_;
  BoundProgram<double> program_;
};

TEST(TileSchedule, rounds_are_short_but_for_small_tiles_that_any_rank_takes) {
  io::TileGrid const grid{1000, 1000, 10, io::Coverage::lower};  // 5050 tiles of 800 bytes
  for (int ranks = 1; ranks <= 5; ++ranks) {
    auto const fixed = schedule<double>(grid, ranks, nullptr, false, Dealing::fixed);
    EXPECT_EQ(fixed.tiles_per_round, ranks);
    EXPECT_EQ(fixed.rounds(), (5050 + ranks - 1) / ranks);
    auto const free = schedule<double>(grid, ranks, nullptr, false, Dealing::whoever_is_free);
    EXPECT_EQ(free.tiles_per_round, 64 * ranks);
    EXPECT_EQ(free.rounds(), (5050 + 64 * ranks - 1) / (64 * ranks));
  }
  io::TileGrid const large{30000, 30000, 1024, io::Coverage::lower};
  auto const free = Dealing::whoever_is_free;
  EXPECT_EQ(schedule<double>(large, 3, nullptr, false, free).tiles_per_round, 3 * 2);
  EXPECT_EQ(schedule<float>(large, 3, nullptr, false, free).tiles_per_round, 3 * 4);
}

TEST(TileSchedule, leaves_out_what_is_stored) {
  io::TileGrid const grid{50, 50, 10, io::Coverage::lower};
  EveryThird const stored;
  EXPECT_EQ(schedule<double>(grid, 2, &stored, true, Dealing::fixed).tiles.size(), 15U);
  EXPECT_EQ(schedule<double>(grid, 2, &stored, false, Dealing::fixed).tiles,
            (std::vector<Index>{1, 2, 4, 5, 7, 8, 10, 11, 13, 14}));
}

TEST_F(TileLoop, hands_out_every_tile_once) {
  for (auto const coverage : {io::Coverage::all, io::Coverage::lower, io::Coverage::mirror}) {
    grid_.coverage = coverage;
    for (auto const dealing : {Dealing::fixed, Dealing::whoever_is_free}) {
      RecordingSink sink(grid_.count());
      run({&sink}, nullptr, false, Output::both, dealing);
      EXPECT_EQ(all_visits(sink), every_tile_once());
    }
  }
}

TEST_F(TileLoop, tiles_hold_the_kernels_of_their_rows_and_columns) {
  std::vector<double> nngp(n * n), ntk(n * n);
  evaluator()({0, n}, {0, n}, nngp.data(), ntk.data(), n);
  RecordingSink sink(grid_.count(), [&](Tile<double> const& tile, bool stored) {
    EXPECT_FALSE(stored);
    EXPECT_EQ(tile.rows, grid_.row_range(grid_.id(tile.number)));
    EXPECT_EQ(tile.cols, grid_.col_range(grid_.id(tile.number)));
    for (Index i = tile.rows.begin; i < tile.rows.end; ++i)
      for (Index j = tile.cols.begin; j < tile.cols.end; ++j) {
        Index const at = (i - tile.rows.begin) * tile.ld + j - tile.cols.begin;
        ASSERT_NEAR(tile.nngp.get()[at], nngp[i * n + j], 1e-14);
        ASSERT_NEAR(tile.ntk.get()[at], ntk[i * n + j], 1e-14);
      }
  });
  run({&sink});
}

TEST_F(TileLoop, hands_out_only_the_kernel_asked_for) {
  RecordingSink nngp(grid_.count(), [](Tile<double> const& tile, bool) {
    EXPECT_TRUE(tile.nngp);
    EXPECT_FALSE(tile.ntk);
  });
  run({&nngp}, nullptr, false, Output::nngp);
  RecordingSink ntk(grid_.count(), [](Tile<double> const& tile, bool) {
    EXPECT_FALSE(tile.nngp);
    EXPECT_TRUE(tile.ntk);
  });
  run({&ntk}, nullptr, false, Output::ntk);
}

TEST_F(TileLoop, every_sink_ends_every_round_on_all_ranks) {
  RecordingSink first(grid_.count()), second(grid_.count());
  run({&first, &second});
  Index const rounds = (grid_.count() + comm_.size() - 1) / comm_.size();
  EXPECT_EQ(first.rounds, rounds);
  EXPECT_EQ(second.rounds, rounds);
}

TEST_F(TileLoop, memory_of_a_tile_that_a_sink_keeps_is_not_reused) {
  // Two tiles are kept while a third is computed; the oldest makes room.
  std::vector<Tile<double>> kept;
  std::vector<double> corners;
  RecordingSink sink(grid_.count(), [&](Tile<double> const& tile, bool) {
    kept.push_back(tile);
    corners.push_back(tile.ntk.get()[0]);
    for (std::size_t k = 0; k < kept.size(); ++k) EXPECT_EQ(kept[k].ntk.get()[0], corners[k]);
    bool const last = tile.number + comm_.size() >= grid_.count();
    std::size_t const drop = last ? kept.size() : kept.size() / 3;
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(drop));
    corners.erase(corners.begin(), corners.begin() + static_cast<std::ptrdiff_t>(drop));
  });
  run({&sink});
  EXPECT_TRUE(kept.empty());
}

TEST_F(TileLoop, stored_tiles_are_passed_over) {
  EveryThird const stored;
  RecordingSink sink(grid_.count(),
                     [](Tile<double> const&, bool from_store) { EXPECT_FALSE(from_store); });
  run({&sink}, &stored);
  auto const visits = all_visits(sink);
  for (Index tile = 0; tile < grid_.count(); ++tile)
    EXPECT_EQ(visits[tile], stored.has(tile) ? 0 : 1);
}

TEST_F(TileLoop, stored_tiles_are_revisited_where_sinks_need_them_all) {
  EveryThird const stored;
  RecordingSink sink(grid_.count(), [&](Tile<double> const& tile, bool from_store) {
    EXPECT_EQ(from_store, stored.has(tile.number));
    if (!from_store) return;
    EXPECT_EQ(tile.nngp.get()[0], static_cast<double>(tile.number));
    EXPECT_EQ(tile.ntk.get()[0], static_cast<double>(tile.number));
  });
  run({&sink}, &stored, true);
  EXPECT_EQ(all_visits(sink), every_tile_once());
}

TEST_F(TileLoop, a_loop_without_tiles_ends_at_once) {
  class All final : public TileSource<double> {
    bool has(Index) const override { return true; }
    void read(Index, double*, double*, Index) const override { FAIL(); }
  };
  All const stored;
  RecordingSink sink(grid_.count());
  run({&sink}, &stored);
  EXPECT_EQ(sink.rounds, 0);
}

TEST_F(TileLoop, an_exception_of_one_rank_reaches_all_in_the_same_round) {
  int const failing = comm_.size() - 1;
  RecordingSink sink(grid_.count(), [&](Tile<double> const& tile, bool) {
    if (tile.number / comm_.size() == 1 && comm_.rank() == failing)
      throw InputError("disk full on the way");
  });
  try {
    run({&sink});
    FAIL() << "no exception on rank " << comm_.rank();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::wrong_input);
    EXPECT_STREQ(e.what(), "disk full on the way");
  }
  // It is known one round after it happened; the failing rank computes nothing more.
  EXPECT_EQ(agreed(sink.rounds), 3);
  double tiles = 0;
  for (double const visits : sink.visits) tiles += visits;
  EXPECT_EQ(tiles, comm_.rank() == failing ? 2 : 3);
}

TEST_F(TileLoop, an_exception_leaves_no_rank_waiting_for_blocks) {
  RecordingSink failing(grid_.count(), [&](Tile<double> const& tile, bool) {
    if (tile.number == comm_.size()) throw InputError("no room");
  });
  linalg::DistributedMatrix<double> matrix(linalg::ProcessGrid(comm_), n, n, tile_size / 2);
  BlockCyclicSink<double, double> blocks(matrix, grid_, Kernel::ntk);
  EXPECT_THROW(run({&failing, &blocks}), Error);
  // What the first round computed has arrived.
  auto const whole = matrix.gather();
  for (Index tile = 0; tile < comm_.size(); ++tile) {
    auto const id = grid_.id(tile);
    EXPECT_NE(whole(grid_.row_range(id).end - 1, grid_.col_range(id).begin), 0.0) << tile;
  }
}

TEST_F(TileLoop, an_exception_in_the_last_round_is_not_lost) {
  RecordingSink sink(grid_.count(), [&](Tile<double> const& tile, bool) {
    if (tile.number == grid_.count() - 1) throw std::runtime_error("at the very end");
  });
  try {
    run({&sink});
    FAIL() << "no exception on rank " << comm_.rank();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::failed);
    EXPECT_STREQ(e.what(), "at the very end");
  }
}

TEST_F(TileLoop, an_error_outweighs_a_stop_request) {
  RecordingSink sink(grid_.count(), [&](Tile<double> const&, bool) {
    std::raise(SIGTERM);
    if (comm_.is_root()) throw InputError("broken");
  });
  try {
    run({&sink});
    FAIL() << "no exception on rank " << comm_.rank();
  } catch (Error const& e) {
    EXPECT_STREQ(e.what(), "broken");
  }
}

TEST_F(TileLoop, a_stop_request_of_one_rank_ends_all_in_the_same_round) {
  RecordingSink sink(grid_.count(), [&](Tile<double> const& tile, bool) {
    if (tile.number / comm_.size() == 1 && comm_.rank() == comm_.size() - 1) std::raise(SIGUSR1);
  });
  try {
    run({&sink});
    FAIL() << "no exception on rank " << comm_.rank();
  } catch (Stopped const& e) {
    EXPECT_EQ(e.code(), ExitCode::stopped);
    EXPECT_NE(std::string(e.what()).find("SIGUSR1"), std::string::npos) << e.what();
  }
  Index const rounds = agreed(sink.rounds);
  EXPECT_EQ(rounds, 3);
  // The rank that was asked begins nothing more, the others learn of it a round later.
  auto const visits = all_visits(sink);
  for (Index tile = 0; tile < grid_.count(); ++tile) {
    Index const round = tile / comm_.size(), rank = tile % comm_.size();
    EXPECT_EQ(visits[tile], round < (rank == comm_.size() - 1 ? 2 : rounds) ? 1 : 0) << tile;
  }
}

class DynamicTileLoop : public TileLoop {
 protected:
  void run(std::vector<TileSink<double>*> const& sinks) {
    TileLoop::run(sinks, nullptr, false, Output::both, Dealing::whoever_is_free);
  }

  /// Does something that ends the loop when the sixth tile is there. Others have begun a tile by
  /// then, and may have been given one more.
  template <class Exception>
  void expect_end_after_five_tiles(std::function<void()> const& end) {
    RecordingSink sink(grid_.count(), [&](Tile<double> const& tile, bool) {
      if (tile.number == 5) end();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
    EXPECT_THROW(run({&sink}), Exception);
    agreed(sink.rounds);
    auto const visits = all_visits(sink);
    EXPECT_LT(std::accumulate(visits.begin(), visits.end(), 0.0),
              static_cast<double>(6 + 3 * comm_.size()));
  }
};

TEST_F(DynamicTileLoop, a_slow_rank_gets_fewer_tiles) {
  int const slow = comm_.size() - 1;
  RecordingSink sink(grid_.count(), [&](Tile<double> const&, bool) {
    std::this_thread::sleep_for(std::chrono::milliseconds(comm_.rank() == slow ? 60 : 2));
  });
  run({&sink});
  EXPECT_EQ(all_visits(sink), every_tile_once());
  if (comm_.size() == 1) return;
  double const mine = std::accumulate(sink.visits.begin(), sink.visits.end(), 0.0);
  double const share = static_cast<double>(grid_.count()) / comm_.size();
  EXPECT_TRUE(comm_.rank() != slow || mine < share / 2) << mine << " of " << share;
}

TEST_F(DynamicTileLoop, matrices_are_those_of_a_fixed_dealing) {
  linalg::DistributedMatrix<double> fixed(linalg::ProcessGrid(comm_), n, n, tile_size / 2),
      dynamic(linalg::ProcessGrid(comm_), n, n, tile_size / 2);
  BlockCyclicSink<double, double> fixed_blocks(fixed, grid_, Kernel::ntk),
      dynamic_blocks(dynamic, grid_, Kernel::ntk);
  TileLoop::run({&fixed_blocks});
  run({&dynamic_blocks});
  EXPECT_EQ(dynamic.gather().values, fixed.gather().values);
}

TEST_F(DynamicTileLoop, an_exception_of_one_rank_keeps_the_others_from_beginning_more) {
  expect_end_after_five_tiles<Error>([] { throw InputError("disk full on the way"); });
}

TEST_F(DynamicTileLoop, a_stop_request_of_one_rank_keeps_the_others_from_beginning_more) {
  expect_end_after_five_tiles<Stopped>([] { std::raise(SIGUSR1); });
}

TEST_F(TileLoop, a_stop_request_in_the_last_round_comes_too_late) {
  RecordingSink sink(grid_.count(), [&](Tile<double> const& tile, bool) {
    if (tile.number == grid_.count() - 1) std::raise(SIGUSR1);
  });
  run({&sink});
  EXPECT_EQ(all_visits(sink), every_tile_once());
}

}  // namespace
}  // namespace widelimit::gram
