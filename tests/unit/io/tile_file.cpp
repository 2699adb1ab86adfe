#include "widelimit/io/tile_file.hpp"

#include <array>
#include <csignal>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/hdf5_files.hpp"

namespace widelimit::io {
namespace {

using test::error_of;
using testing::HasSubstr;

/// Entry (i, j) of a symmetric matrix whose entries all differ.
double entry(Index i, Index j) {
  return static_cast<double>(std::max(i, j) * 1000 + std::min(i, j) + 1);
}

template <class Real>
std::vector<Real> tile_of(TileGrid const& grid, Index number, Index ld) {
  TileId const id = grid.id(number);
  Range const rows = grid.row_range(id);
  Range const cols = grid.col_range(id);
  std::vector<Real> tile(static_cast<std::size_t>(rows.size() * ld), Real{-1});
  for (Index i = 0; i < rows.size(); ++i) {
    for (Index j = 0; j < cols.size(); ++j) {
      tile[static_cast<std::size_t>(i * ld + j)] =
          static_cast<Real>(entry(rows.begin + i, cols.begin + j));
    }
  }
  return tile;
}

class TileFiles : public testing::Test {
 protected:
  runtime::Communicator const world_ = runtime::Communicator::world();
  test::Folder const folder_{world_};
  std::string const name_ = folder_.file("out.h5.partial");
  Identity const identity_{canonical_text("job: {type: gram}\n"), "0.1.0", "1"};

  static std::vector<MatrixSpec> specs(Coverage coverage = Coverage::mirror, Index n = 37) {
    return {{"/gram/nngp", {n, n, 8, coverage}, false, {"train_point", "train_point"}},
            {"/gram_test/ntk", {11, n, 8, Coverage::all}, true, {"test_point", "train_point"}}};
  }

  /// Writes all tiles of this rank that are not finished, with rows longer than tiles.
  void fill(TileFile& tiles) const {
    for (int m = 0; m < tiles.matrices(); ++m) {
      TileGrid const& grid = tiles.spec(m).grid;
      for (Index t = world_.rank(); t < grid.count(); t += world_.size()) {
        if (tiles.finished(m, t)) continue;
        Index const ld = t % 2 == 0 ? grid.tile : grid.tile + 3;
        if (tiles.spec(m).single) {
          tiles.write(m, t, tile_of<float>(grid, t, ld).data(), ld);
        } else {
          tiles.write(m, t, tile_of<double>(grid, t, ld).data(), ld);
        }
      }
    }
    world_.barrier();
    tiles.refresh();
  }

  void expect_matrices(Coverage coverage) const {
    auto const square = test::read_dataset<double>(name_, "/gram/nngp", H5T_NATIVE_DOUBLE);
    auto const test = test::read_dataset<double>(name_, "/gram_test/ntk", H5T_NATIVE_DOUBLE);
    for (Index i = 0; i < 37; ++i) {
      for (Index j = 0; j < 37; ++j) {
        bool const zero = coverage == Coverage::lower && j > i;
        ASSERT_EQ(square[static_cast<std::size_t>(i * 37 + j)], zero ? 0 : entry(i, j))
            << i << ", " << j;
        if (i < 11) {
          ASSERT_EQ(test[static_cast<std::size_t>(i * 37 + j)], entry(i, j));
        }
      }
    }
  }
};

TEST_F(TileFiles, every_coverage_reads_back_as_a_plain_matrix) {
  for (Coverage const coverage : {Coverage::all, Coverage::lower, Coverage::mirror}) {
    TileFile tiles = TileFile::create(world_, name_, identity_, specs(coverage), Existing::replace);
    EXPECT_EQ(tiles.finished_count(0), 0);
    fill(tiles);
    EXPECT_EQ(tiles.finished_count(0), tiles.spec(0).grid.count());
    EXPECT_EQ(tiles.finished_count(1), tiles.spec(1).grid.count());
    expect_matrices(coverage);
    Index const last = tiles.spec(0).grid.count() - 1;
    std::vector<double> tile(45, -7);
    tiles.read(0, last, tile.data(), 9);
    EXPECT_EQ(tile[9 * 3 + 2], entry(35, 34));
    EXPECT_EQ(tile[9 * 3 + 5], -7);
    world_.barrier();
  }
}

TEST_F(TileFiles, a_tile_larger_than_the_matrix_is_the_matrix) {
  TileGrid const grid{5, 5, 64, Coverage::mirror};
  std::vector<MatrixSpec> const one{{"/k", grid, false, {"train_point", "train_point"}}};
  TileFile tiles = TileFile::create(world_, name_, identity_, one);
  if (world_.is_root()) tiles.write(0, 0, tile_of<double>(grid, 0, 64).data(), 64);
  world_.barrier();
  EXPECT_EQ(test::read_dataset<double>(name_, "/k", H5T_NATIVE_DOUBLE).back(), entry(4, 4));
}

TEST_F(TileFiles, resumes_what_is_finished) {
  {
    TileFile tiles = TileFile::create(world_, name_, identity_, specs());
    if (world_.is_root()) {
      for (Index const t : {Index{1}, Index{7}}) {
        tiles.write(0, t, tile_of<double>(tiles.spec(0).grid, t, 8).data(), 8);
      }
      tiles.write(1, 3, tile_of<float>(tiles.spec(1).grid, 3, 8).data(), 8);
      tiles.sync();
    }
    world_.barrier();
  }
  EXPECT_EQ(TileFile::stored_specs(world_, name_), specs());
  TileFile tiles = TileFile::resume(world_, name_, identity_, specs());
  EXPECT_EQ(tiles.finished_count(0), 2);
  EXPECT_TRUE(tiles.finished(0, 7));
  EXPECT_FALSE(tiles.finished(0, 6));
  EXPECT_TRUE(tiles.finished(1, 3));
  fill(tiles);
  expect_matrices(Coverage::mirror);
  std::move(tiles).discard();
  EXPECT_FALSE(std::filesystem::exists(name_));
}

TEST_F(TileFiles, refuses_files_of_other_runs) {
  auto const resume = [&](Identity const& identity, std::vector<MatrixSpec> const& wanted) {
    return error_of([&] { TileFile::resume(world_, name_, identity, wanted); });
  };
  EXPECT_EQ(resume(identity_, specs()), "2: no such file: " + name_);
  TileFile::create(world_, name_, identity_, specs());
  world_.barrier();
  Identity other = identity_;
  other.input = canonical_text("job: {type: gram}\r\n\n\nridge: 1  \n");
  EXPECT_EQ(resume(other, specs()),
            "2: " + name_ +
                ": this checkpoint belongs to another input: line 2 `ridge: 1` is new. Go on with "
                "the former input, or start over without --resume (--overwrite replaces the file, "
                "and its work is lost).");
  other.input = "job: {type: spectrum}\n";
  EXPECT_THAT(resume(other, specs()),
              HasSubstr("line 1 was `job: {type: gram}` and is now `job: {type: spectrum}`"));
  other.input = "";
  EXPECT_THAT(resume(other, specs()), HasSubstr("line 1 `job: {type: gram}` is gone"));
  other = identity_;
  other.program_version = "0.2.0";
  EXPECT_THAT(resume(other, specs()), HasSubstr("written by widelimit 0.1.0, and this is widelimit "
                                                "0.2.0"));
  other.format = "2";
  EXPECT_THAT(resume(other, specs()), HasSubstr("has format version 1, and this program reads "
                                                "version 2"));
  auto wanted = specs();
  wanted[0].grid.tile = 16;
  EXPECT_THAT(resume(identity_, wanted), HasSubstr("/gram/nngp [37, 37] in tiles of 16"));
  EXPECT_THAT(error_of([&] { TileFile::create(world_, name_, identity_, specs()); }),
              HasSubstr("holds the work of an unfinished run. Add --resume"));
  std::string const plain = folder_.file("plain.h5");
  if (world_.is_root()) create_file(plain);
  world_.barrier();
  EXPECT_THAT(error_of([&] { TileFile::resume(world_, plain, identity_, specs()); }),
              HasSubstr("holds no checkpoint to go on from"));
}

TEST_F(TileFiles, refuses_a_file_that_another_run_writes) {
  TileFile const tiles = TileFile::create(world_, name_, identity_, specs());
  EXPECT_THAT(error_of([&] { TileFile::resume(world_, name_, identity_, specs()); }),
              HasSubstr("another run is writing this file"));
  EXPECT_THAT(
      error_of([&] { TileFile::create(world_, name_, identity_, specs(), Existing::replace); }),
      HasSubstr("another run is writing this file"));
}

TEST_F(TileFiles, says_when_the_disk_is_too_small_or_the_folder_is_missing) {
  Index const huge = 100'000'000;  // 10^16 entries: 80 PB
  std::vector<MatrixSpec> const wanted{
      {"/k", {huge, huge, 8192, Coverage::all}, false, {"train_point", "train_point"}}};
  std::string const text = error_of([&] { TileFile::create(world_, name_, identity_, wanted); });
  EXPECT_THAT(text, HasSubstr("needs 71.1 PiB of disk, and " + folder_.file("").substr(0, 4)));
  EXPECT_FALSE(std::filesystem::exists(name_));
  std::string const lost = folder_.file("absent/out.h5");
  EXPECT_THAT(error_of([&] { TileFile::create(world_, lost, identity_, specs()); }),
              HasSubstr("No such file or directory. Check the name; folders are not created."));
}

/// Changes the byte of the file where the double `value` is first found.
void damage(std::string const& name, double value) {
  DiskFile const file(name, DiskFile::Mode::update);
  std::vector<char> bytes(static_cast<std::size_t>(file.size()));
  file.read(bytes.data(), file.size(), 0);
  auto const* const pattern = reinterpret_cast<char const*>(&value);
  auto const found = std::search(bytes.begin(), bytes.end(), pattern, pattern + sizeof value);
  ASSERT_NE(found, bytes.end());
  char const changed = static_cast<char>(found[3] ^ 0x10);
  file.write(&changed, 1, found - bytes.begin() + 3);
}

TEST_F(TileFiles, finds_damage_in_a_tile_and_in_its_mirror_image) {
  // In file order the mirrored entry (3, 20) comes before (20, 3), the entry (9, 9) only once.
  for (double const value : {entry(20, 3), entry(9, 9)}) {
    {
      TileFile tiles = TileFile::create(world_, name_, identity_, specs(), Existing::replace);
      fill(tiles);
    }
    world_.barrier();
    if (world_.is_root()) damage(name_, value);
    world_.barrier();
    std::string const text = error_of([&] { TileFile::resume(world_, name_, identity_, specs()); });
    EXPECT_THAT(text, HasSubstr(value == entry(20, 3)
                                    ? ": tile 3 of /gram/nngp (block row 2, block column 0) is "
                                      "damaged: its checksum differs."
                                    : ": tile 2 of /gram/nngp (block row 1, block column 1)"));
    TileFile tiles = TileFile::resume(world_, name_, identity_, specs(), OnCorrupt::recompute);
    EXPECT_EQ(tiles.finished_count(0), tiles.spec(0).grid.count() - 1);
    fill(tiles);
    expect_matrices(Coverage::mirror);
    world_.barrier();
  }
}

TEST_F(TileFiles, a_process_killed_amid_writes_leaves_a_file_to_resume) {
  if (world_.size() > 1) GTEST_SKIP() << "a fork of one rank";
  constexpr Index n = 2000;
  auto const wanted = std::vector<MatrixSpec>{
      {"/gram/ntk", {n, n, 128, Coverage::mirror}, false, {"train_point", "train_point"}}};
  TileGrid const& grid = wanted[0].grid;
  Index seen = 0;
  for (int attempt = 0; attempt < 6; ++attempt) {
    std::optional<TileFile> tiles(
        TileFile::create(world_, name_, identity_, wanted, Existing::replace));
    std::array<int, 2> started{};
    ASSERT_EQ(pipe(started.data()), 0);
    pid_t const child = fork();
    if (child == 0) {  // only plain system calls from here on
      char const go = 1;
      for (Index round = 0;; ++round) {
        for (Index t = 0; t < grid.count(); ++t) {
          tiles->write(0, t, tile_of<double>(grid, t, 128).data(), 128);
          if (round == 0 && t == 2 && ::write(started[1], &go, 1) != 1) _exit(1);
        }
      }
    }
    char go = 0;
    ASSERT_EQ(::read(started[0], &go, 1), 1);
    usleep(static_cast<useconds_t>(1700 * attempt));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    close(started[0]);
    close(started[1]);
    tiles.reset();
    // Tiles that were being written again got the same bytes: none may look damaged.
    TileFile resumed = TileFile::resume(world_, name_, identity_, wanted);
    Index const finished = resumed.finished_count(0);
    EXPECT_GE(finished, 2);
    seen = std::max(seen, finished);
    for (Index t = 0; t < grid.count(); ++t) {
      if (!resumed.finished(0, t)) {
        resumed.write(0, t, tile_of<double>(grid, t, 128).data(), 128);
      }
    }
    auto const k = test::read_dataset<double>(name_, "/gram/ntk", H5T_NATIVE_DOUBLE);
    for (Index i = 0; i < n; i += 7) {
      for (Index j = 0; j < n; ++j) ASSERT_EQ(k[static_cast<std::size_t>(i * n + j)], entry(i, j));
    }
  }
  EXPECT_GT(seen, 3);
}

}  // namespace
}  // namespace widelimit::io
