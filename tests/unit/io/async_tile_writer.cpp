#include "widelimit/io/async_tile_writer.hpp"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/small_disk.hpp"

namespace widelimit::io {
namespace {

using test::error_of;
using testing::HasSubstr;

Identity const identity{"job: {type: gram}\n", "0.1.0", "1"};

std::vector<MatrixSpec> specs(Index n, Index tile) {
  return {{"/gram/ntk", {n, n, tile, Coverage::all}, false, {"train_point", "train_point"}}};
}

std::shared_ptr<double const> filled(Index count, double value) {
  std::shared_ptr<double> data(new double[static_cast<std::size_t>(count)],
                               std::default_delete<double[]>());
  std::fill_n(data.get(), count, value);
  return data;
}

TEST(AsyncTileWriter, writes_every_tile_and_hands_buffers_back) {
  auto const world = runtime::Communicator::world();
  test::Folder const folder(world);
  TileFile tiles = TileFile::create(world, folder.file("k.h5"), identity, specs(100, 10));
  std::atomic<int> returned = 0;
  Index mine = 0;
  {
    AsyncTileWriter writer(tiles);
    for (Index t = world.rank(); t < 100; t += world.size()) {
      auto const data = filled(100, static_cast<double>(t));
      writer.submit(0, t, {data.get(), [data, &returned](double const*) { ++returned; }}, 10);
      ++mine;
    }
    writer.drain();
    EXPECT_EQ(returned, mine);
    EXPECT_EQ(tiles.finished_count(0), mine);
  }
  tiles.refresh();
  EXPECT_EQ(tiles.finished_count(0), 100);
  auto const k = test::read_dataset<double>(tiles.name(), "/gram/ntk", H5T_NATIVE_DOUBLE);
  for (std::size_t i = 0; i < 100; ++i) {
    for (std::size_t j = 0; j < 100; ++j) {
      std::size_t const tile = (i / 10) * 10 + j / 10;
      ASSERT_EQ(k[i * 100 + j], static_cast<double>(tile));
    }
  }
}

TEST(AsyncTileWriter, a_full_disk_is_an_error_of_the_owner_and_resuming_goes_on) {
  auto const world = runtime::Communicator::world();
  test::SmallDisk const disk(world, "6m");
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a small file system";
  // 8 MiB of tiles on 6 MiB of disk: too large for the check at the start, which is left out here.
  auto const wanted = specs(1024, 128);
  std::string const name = disk.file("k.h5");
  EXPECT_THAT(error_of([&] { TileFile::create(world, name, identity, wanted); }),
              HasSubstr("needs 8 MiB of disk, and "));
  EXPECT_FALSE(std::filesystem::exists(name));
  world.barrier();
  {
    TileFile tiles = TileFile::create(world, name, identity, wanted, Existing::refuse, false);
    AsyncTileWriter writer(tiles);
    auto const write_all = [&] {
      for (Index t = 0; t < 64; ++t) {
        if (t % world.size() == world.rank())
          writer.submit(0, t, filled(Index{128} * 128, 1.0), 128);
      }
      writer.drain();
    };
    std::string const text = error_of(write_all);
    EXPECT_GE(world.first_rank_where(!text.empty()), 0);
    if (!text.empty()) {
      EXPECT_THAT(text, HasSubstr("the disk is full ("));
      EXPECT_THAT(text,
                  HasSubstr("Free some space or name a file on another disk, then run again"));
      EXPECT_EQ(error_of([&] { writer.drain(); }), text);
    }
    world.barrier();
  }
  TileFile const tiles = TileFile::resume(world, name, identity, wanted);
  EXPECT_GT(tiles.finished_count(0), 32);
  EXPECT_LT(tiles.finished_count(0), 64);
}

TEST(TileFile, reserved_space_cannot_be_taken_by_others) {
  auto const world = runtime::Communicator::world();
  test::SmallDisk const disk(world, "8m");
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a small file system";
  TileFile tiles = TileFile::create(world, disk.file("k.h5"), identity, specs(512, 128));
  if (world.is_root()) {
    DiskFile const other(disk.file("other"), DiskFile::Mode::create);
    std::vector<char> const mebibyte(1 << 20, 'x');
    EXPECT_THAT(error_of([&] {
                  for (Index k = 0; k < 10; ++k) other.write(mebibyte.data(), 1 << 20, k << 20);
                }),
                HasSubstr("the disk is full"));
  }
  world.barrier();
  for (Index t = 0; t < 16; ++t) {
    if (t % world.size() != world.rank()) continue;
    tiles.write(0, t, filled(Index{128} * 128, 2.0).get(), 128);
  }
  world.barrier();
  tiles.refresh();
  EXPECT_EQ(tiles.finished_count(0), 16);
}

}  // namespace
}  // namespace widelimit::io
