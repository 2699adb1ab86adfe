#include "widelimit/io/results_file.hpp"

#include <cstdlib>
#include <fstream>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "widelimit/io/describe.hpp"
#include "widelimit/io/file.hpp"

#include "support/small_disk.hpp"

namespace widelimit::io {
namespace {

using test::error_of;
using testing::HasSubstr;
using testing::Not;

Identity const identity{"job: {type: gram}\n", "0.1.0", "1"};

class Results : public testing::Test {
 protected:
  runtime::Communicator const world_ = runtime::Communicator::world();
  test::Folder const folder_{world_};
  std::string const output_ = folder_.file("out.h5");
  std::string const partial_ = ResultsWriter::partial_name(output_);

  bool there(std::string const& name) const {
    world_.barrier();
    bool const found = std::filesystem::exists(name);
    world_.barrier();
    return found;
  }

  RunRecord record() const {
    RunRecord run;
    run.input = "title: µP\njob: {type: gram}\n";
    run.program_version = "0.1.0 (abc)";
    run.threads = 3;
    run.execution_space = "OpenMP";
    run.wall_seconds = 1.5;
    run.peak_rss_bytes = 1000.0 * (1 + world_.rank());
    run.timings.add("gram", 1.25);
    run.timings.add("solve", 0.25);
    return run;
  }

  /// Arrays of every kind: [n, 2] spread over the ranks, the others from rank 0.
  void write_arrays(ResultsWriter& writer, Index n) const {
    std::vector<double> times(3, 0.5);
    writer.write("/dynamics/time", {{3}, {"time"}}, times.data());
    std::vector<float> cube(static_cast<std::size_t>(3 * n * 2));
    std::iota(cube.begin(), cube.end(), 0.0F);
    writer.write("/dynamics/train", {{3, n, 2}, {"time", "train_point", "output"}}, cube.data());
    std::vector<Index> const iterations{5, 7};
    writer.write("/solver/iterations", {{2}, {"output"}}, iterations.data());
    writer.write_scalar("/metrics/train/mse", 0.125);
    Range const mine{n * world_.rank() / world_.size(), n * (world_.rank() + 1) / world_.size()};
    std::vector<double> rows(static_cast<std::size_t>(2 * mine.size()));
    std::iota(rows.begin(), rows.end(), 2.0 * static_cast<double>(mine.begin));
    writer.write_rows("/solution/alpha", {{n, 2}, {"train_point", "output"}}, mine, rows.data());
    writer.attribute("/regime", "regime", std::string("kernel"));
    writer.attribute("/regime", "r", 0.5);
    writer.attribute("/solution/alpha", "columns", Index{2});
    writer.record(record());
  }

  void expect_arrays(std::string const& name, std::size_t n) const {
    auto const alpha = test::read_dataset<double>(name, "/solution/alpha", H5T_NATIVE_DOUBLE);
    ASSERT_EQ(alpha.size(), 2 * n);
    for (std::size_t i = 0; i < 2 * n; ++i) ASSERT_EQ(alpha[i], static_cast<double>(i));
    EXPECT_EQ(test::read_dataset<double>(name, "/metrics/train/mse", H5T_NATIVE_DOUBLE),
              std::vector<double>{0.125});
    EXPECT_EQ(test::read_dataset<Index>(name, "/train_point", H5T_NATIVE_INT64).back(),
              static_cast<Index>(n) - 1);
  }

  std::vector<MatrixSpec> specs() const {
    return {{"/gram/ntk", {20, 20, 8, Coverage::mirror}, false, {"train_point", "train_point"}}};
  }
  TileFile finished_tiles() const {
    TileFile tiles = TileFile::create(world_, partial_, identity, specs(), Existing::replace);
    std::vector<double> const ones(64, 1.0);
    for (Index t = world_.rank(); t < 6; t += world_.size()) tiles.write(0, t, ones.data(), 8);
    world_.barrier();
    tiles.refresh();
    return tiles;
  }
};

TEST_F(Results, are_there_after_commit_and_not_before) {
  {
    ResultsWriter writer(world_, output_);
    write_arrays(writer, 9);
    EXPECT_TRUE(there(partial_));
    EXPECT_FALSE(there(output_));
    writer.commit();
  }
  EXPECT_FALSE(there(partial_));
  expect_arrays(output_, 9);
}

TEST_F(Results, vanish_without_commit) {
  {
    ResultsWriter writer(world_, output_);
    write_arrays(writer, 9);
  }
  EXPECT_FALSE(there(partial_));
  EXPECT_FALSE(there(output_));
}

TEST_F(Results, refuse_names_that_cannot_be_written) {
  ResultsWriter(world_, output_).commit();
  EXPECT_EQ(error_of([&] { ResultsWriter(world_, output_).commit(); }),
            "2: " + output_ +
                ": exists already. Name another output file, or add --overwrite to replace it.");
  EXPECT_EQ(error_of([&] { ResultsWriter(world_, output_, Existing::replace).commit(); }), "");
  std::string const lost = folder_.file("absent/out.h5");
  EXPECT_THAT(error_of([&] { ResultsWriter::check_output(world_, lost, Existing::refuse); }),
              HasSubstr("there is no folder " + folder_.file("absent")));
  EXPECT_THAT(
      error_of([&] { ResultsWriter::check_output(world_, folder_.file(""), Existing::refuse); }),
      HasSubstr("this is a folder"));
  // A folder in which nobody can make files.
  EXPECT_THAT(
      error_of([&] { ResultsWriter::check_output(world_, "/proc/x.h5", Existing::refuse); }),
      testing::StartsWith("2: /proc/x.h5.trial: cannot create it: "));
  ResultsWriter const writer(world_, output_, Existing::replace);
  EXPECT_THAT(error_of([&] { ResultsWriter(world_, output_, Existing::replace).commit(); }),
              HasSubstr("another run is writing this file"));
}

TEST_F(Results, a_dimension_has_one_length) {
  ResultsWriter writer(world_, output_);
  std::vector<double> const x(6, 0.0);
  writer.write("/a", {{3}, {"train_point"}}, x.data());
  EXPECT_THAT(error_of([&] {
                writer.write("/b", {{4}, {"train_point"}}, x.data());
              }),
              HasSubstr("the dimension train_point has two lengths"));
  EXPECT_THAT(error_of([&] {
                writer.write("/c", {{4}, {}}, x.data());
              }),
              HasSubstr("1 dimensions was given 0 names"));
}

TEST_F(Results, take_a_tile_file_over) {
  {
    ResultsWriter writer(finished_tiles(), output_);
    write_arrays(writer, 20);
    writer.commit();
  }
  EXPECT_FALSE(there(partial_));
  EXPECT_FALSE(there(partial_ + ".undo"));
  expect_arrays(output_, 20);
  FileHandle const file = open_to_read(output_);
  EXPECT_FALSE(exists(file.get(), "/checkpoint"));
  auto const k = test::read_dataset<double>(output_, "/gram/ntk", H5T_NATIVE_DOUBLE);
  EXPECT_EQ(std::accumulate(k.begin(), k.end(), 0.0), 400.0);
}

TEST_F(Results, a_tile_file_is_a_checkpoint_again_without_commit_or_after_a_kill) {
  std::string const killed = folder_.file("killed.partial");
  {
    ResultsWriter writer(finished_tiles(), output_);
    write_arrays(writer, 20);
    world_.barrier();
    if (world_.is_root()) {  // what a kill at this moment leaves
      std::filesystem::copy_file(partial_, killed);
      std::filesystem::copy_file(partial_ + ".undo", killed + ".undo");
    }
    world_.barrier();
  }
  for (std::string const& name : {partial_, killed}) {
    EXPECT_EQ(TileFile::stored_specs(world_, name), specs());
    TileFile tiles = TileFile::resume(world_, name, identity, specs());
    EXPECT_EQ(tiles.finished_count(0), 6);
    EXPECT_FALSE(there(name + ".undo"));
    ResultsWriter writer(std::move(tiles), output_, Existing::replace);
    write_arrays(writer, 20);
    writer.commit();
    expect_arrays(output_, 20);
    world_.barrier();
  }
}

TEST_F(Results, a_full_disk_is_an_error_on_every_rank) {
  test::SmallDisk const disk(world_, "3m");
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a small file system";
  std::string const output = disk.file("out.h5");
  {
    ResultsWriter writer(world_, output);
    std::vector<double> const x(1 << 16, 1.0);
    ArrayLayout const layout{{1 << 16}, {"train_point"}};
    int written = 0;
    std::string const text = error_of([&] {
      for (; written < 20; ++written) {
        std::string const path = "/a" + std::to_string(written);
        if (written % 2 == 0) {
          writer.write(path, layout, x.data());
        } else {
          Range const mine = world_.is_root() ? Range{0, 1 << 16} : Range{};
          writer.write_rows(path, layout, mine, x.data());
        }
      }
    });
    EXPECT_THAT(text,
                testing::StartsWith("2: " + ResultsWriter::partial_name(output) + ": needs "));
    EXPECT_GT(written, 1);
  }
  EXPECT_FALSE(there(ResultsWriter::partial_name(output)));
}

TEST_F(Results, a_disk_that_fills_behind_the_checks_is_an_error_too) {
  test::SmallDisk const disk(world_, "3m");
  if (!disk.mounted()) GTEST_SKIP() << "this process may not mount a small file system";
  std::string const output = disk.file("out.h5");
  ResultsWriter writer(world_, output);
  if (world_.is_root()) {
    DiskFile const other(disk.file("other"), DiskFile::Mode::create);
    std::vector<char> const block(4096, 'x');
    EXPECT_THAT(error_of([&] {
                  for (Index k = 0; k < 1024; ++k) other.write(block.data(), 4096, 4096 * k);
                }),
                HasSubstr("the disk is full"));
  }
  world_.barrier();
  EXPECT_THAT(error_of([&] { writer.write_scalar("/a", 1.0); }), HasSubstr(": needs 256 KiB"));
}

TEST_F(Results, are_described) {
  TileFile tiles = TileFile::create(world_, partial_, identity, specs());
  std::vector<double> const ones(64, 1.0);
  if (world_.is_root()) tiles.write(0, 2, ones.data(), 8);
  world_.barrier();
  std::string text = describe(partial_);
  EXPECT_THAT(text, HasSubstr(": unfinished, run again with --resume"));
  EXPECT_THAT(text, HasSubstr("/gram/ntk  [20, 20] float64, 1 of 6 tiles finished"));
  EXPECT_THAT(text, HasSubstr("input:\njob: {type: gram}"));
  world_.barrier();
  ResultsWriter writer(std::move(tiles), output_);
  write_arrays(writer, 20);
  writer.commit();
  text = describe(output_);
  EXPECT_THAT(text, Not(HasSubstr("tiles finished")));
  EXPECT_THAT(text, HasSubstr("  program_version = 0.1.0 (abc)\n"));
  EXPECT_THAT(text, HasSubstr("  ranks = " + std::to_string(world_.size()) + "\n"));
  EXPECT_THAT(text, HasSubstr("  peak_rss_bytes_max = " + std::to_string(1000 * world_.size())));
  EXPECT_THAT(text, HasSubstr("  /dynamics/train  [3, 20, 2] float32\n"));
  EXPECT_THAT(text, HasSubstr("  /metrics/train/mse  scalar float64 = 0.125\n"));
  EXPECT_THAT(text, HasSubstr("  /timings/\n      gram = 1.25\n"));
  EXPECT_THAT(text, HasSubstr("input:\ntitle: µP\njob: {type: gram}\n"));
  EXPECT_THAT(error_of([&] { describe(folder_.file("absent.h5")); }), HasSubstr("no such file"));
}

/// The file is kept where WIDELIMIT_KEEP_RESULTS says, for a test that reads it with h5py.
TEST_F(Results, of_every_kind_in_one_file) {
  TileFile tiles = finished_tiles();
  ResultsWriter writer(std::move(tiles), output_);
  write_arrays(writer, 20);
  writer.commit();
  expect_arrays(output_, 20);
  char const* const keep = std::getenv("WIDELIMIT_KEEP_RESULTS");
  if (keep != nullptr && world_.is_root()) {
    std::filesystem::copy_file(output_, keep, std::filesystem::copy_options::overwrite_existing);
  }
}

}  // namespace
}  // namespace widelimit::io
