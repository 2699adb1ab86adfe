#include "widelimit/io/dataset_reader.hpp"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/hdf5_files.hpp"

namespace widelimit::io {
namespace {

using test::add_dataset;
using test::error_of;
using testing::HasSubstr;
using testing::StartsWith;

/// 10 rows of 2 x 3, element e of row r = 6r + e; data sets of many kinds beside it.
class DatasetReader : public testing::Test {
 protected:
  runtime::Communicator const world_ = runtime::Communicator::world();
  test::Folder const folder_{world_};
  std::string const name_ = folder_.file("data.h5");

  void SetUp() override {
    if (world_.is_root()) {
      std::vector<double> values(60);
      std::iota(values.begin(), values.end(), 0.0);
      FileHandle const file = create_file(name_);
      hid_t const f = file.get();
      hid_t const number = H5T_NATIVE_DOUBLE;
      add_dataset(f, "/train/images", {10, 2, 3}, H5T_STD_U8BE, number, values.data());
      add_dataset(f, "/train/inputs", {10, 6}, H5T_IEEE_F32LE, number, values.data());
      add_dataset(f, "/train/wide", {10, 6}, H5T_IEEE_F64BE, number, values.data());
      std::vector<Index> const order{7, 0, 7, 3};
      add_dataset(f, "/rows/good", {4}, H5T_STD_I32LE, H5T_NATIVE_INT64, order.data());
      std::vector<Index> const beyond{7, 10};
      add_dataset(f, "/rows/beyond", {2}, H5T_STD_I32LE, H5T_NATIVE_INT64, beyond.data());
      add_dataset(f, "/rows/real", {4}, H5T_IEEE_F64LE, number, values.data());
      std::vector<double> bad = values;
      bad[6 * 7 + 4] = std::numeric_limits<double>::quiet_NaN();
      add_dataset(f, "/bad/nan", {10, 2, 3}, H5T_IEEE_F64LE, number, bad.data());
      bad[6 * 7 + 4] = 1e300;
      add_dataset(f, "/bad/huge", {10, 6}, H5T_IEEE_F64LE, number, bad.data());
      bad[2] = 0.5;
      add_dataset(f, "/bad/half", {10}, H5T_IEEE_F64LE, number, bad.data());
      add_dataset(f, "/bad/empty", {0, 6}, H5T_IEEE_F64LE, number, bad.data());
      add_dataset(f, "/bad/scalar", {}, H5T_IEEE_F64LE, number, bad.data());
      char const text[2][4] = {"cat", "dog"};
      TypeHandle const string(H5Tcopy(H5T_C_S1));
      H5Tset_size(string.get(), 4);
      add_dataset(f, "/bad/text", {2}, string.get(), string.get(), text);
      TypeHandle const boolean(H5Tenum_create(H5T_NATIVE_INT8));
      std::int8_t const no = 0;
      std::int8_t const yes = 1;
      H5Tenum_insert(boolean.get(), "FALSE", &no);
      H5Tenum_insert(boolean.get(), "TRUE", &yes);
      std::int8_t const mask[3] = {1, 0, 1};
      add_dataset(f, "/mask", {3}, boolean.get(), boolean.get(), mask);
    }
    world_.barrier();
  }

  Source source(std::string const& dataset) const {
    return {name_, dataset, {"job.yaml", 3, "data.train.inputs"}, {"job.yaml", 4, "rows"}, {}, ""};
  }
  std::string read_error(Source const& from) const {
    return error_of([&] { read_rows<double>(world_, from); });
  }
};

TEST_F(DatasetReader, converts_every_numeric_type) {
  for (char const* const path : {"/train/images", "/train/inputs", "/train/wide"}) {
    auto const wide = read_rows<double>(world_, source(path));
    auto const narrow = read_rows<float>(world_, source(path));
    auto const whole = read_integers(world_, source(path));
    ASSERT_EQ(wide.size(), 60U);
    for (Index i = 0; i < 60; ++i) {
      auto const k = static_cast<std::size_t>(i);
      ASSERT_EQ(wide[k], static_cast<double>(i));
      ASSERT_EQ(narrow[k], static_cast<float>(i));
      ASSERT_EQ(whole[k], i);
    }
  }
  EXPECT_EQ(read_integers(world_, source("/mask")), (std::vector<Index>{1, 0, 1}));
  EXPECT_EQ(read_rows<float>(world_, source("/mask")), (std::vector<float>{1, 0, 1}));
}

TEST_F(DatasetReader, tells_shape_and_class_after_selection) {
  Source from = source("/train/images");
  EXPECT_EQ(inspect(from).shape, (std::vector<Index>{10, 2, 3}));
  EXPECT_TRUE(inspect(from).integer);
  from.rows = Range{2, 5};
  EXPECT_EQ(inspect(from).shape, (std::vector<Index>{3, 2, 3}));
  from.rows.reset();
  from.rows_dataset = "/rows/good";
  EXPECT_EQ(inspect(from).shape, (std::vector<Index>{4, 2, 3}));
  EXPECT_FALSE(inspect(source("/train/wide")).integer);
}

TEST_F(DatasetReader, reads_a_range_and_a_list_in_its_order) {
  Source from = source("/train/inputs");
  from.rows = Range{2, 5};
  auto const range = read_rows<double>(world_, from);
  ASSERT_EQ(range.size(), 18U);
  EXPECT_EQ(range.front(), 12);
  EXPECT_EQ(range.back(), 29);
  from.rows.reset();
  from.rows_dataset = "/rows/good";
  auto const listed = read_rows<float>(world_, from);
  ASSERT_EQ(listed.size(), 24U);
  EXPECT_EQ(listed[0], 42);
  EXPECT_EQ(listed[6], 0);
  EXPECT_EQ(listed[12], 42);
  EXPECT_EQ(listed[18], 18);
}

TEST_F(DatasetReader, a_list_of_distant_rows_reads_only_those) {
  std::string const name = folder_.file("tall.h5");
  constexpr Index rows = 40000;
  constexpr Index columns = 16;
  if (world_.is_root()) {
    std::vector<float> values(rows * columns);
    for (Index row = 0; row < rows; ++row) {
      std::fill_n(values.begin() + row * columns, columns, static_cast<float>(row));
    }
    values[20000 * columns] = std::numeric_limits<float>::quiet_NaN();  // not asked for
    FileHandle const file = create_file(name);
    add_dataset(file.get(), "/x", {rows, columns}, H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT,
                values.data());
    std::vector<Index> const list{39999, 3, 20001, 19999, 5};
    add_dataset(file.get(), "/list", {5}, H5T_NATIVE_INT64, H5T_NATIVE_INT64, list.data());
  }
  world_.barrier();
  auto const x = read_rows<float>(world_, {name, "/x", {}, {}, {}, "/list"});
  ASSERT_EQ(x.size(), 5U * columns);
  EXPECT_EQ(x[0], 39999);
  EXPECT_EQ(x[columns], 3);
  EXPECT_EQ(x[2 * columns], 20001);
  EXPECT_EQ(x[3 * columns], 19999);
  EXPECT_EQ(x[4 * columns], 5);
}

TEST_F(DatasetReader, says_what_a_file_is_not) {
  Source from = source("/x");
  from.file = folder_.file("absent.h5");
  EXPECT_EQ(read_error(from), "2: job.yaml:3: data.train.inputs: no such file: " + from.file);
  from.file = folder_.file("text.h5");
  if (world_.is_root()) std::ofstream(from.file) << "not HDF5";
  world_.barrier();
  EXPECT_THAT(read_error(from), HasSubstr("is not an HDF5 file"));
  from.file = folder_.file("short.h5");
  if (world_.is_root()) {
    std::filesystem::copy_file(name_, from.file);
    std::filesystem::resize_file(from.file, std::filesystem::file_size(name_) / 2);
  }
  world_.barrier();
  EXPECT_THAT(read_error(from), HasSubstr("is cut short"));
  from.file = folder_.file(".");
  EXPECT_THAT(read_error(from), HasSubstr("is a folder"));
}

TEST_F(DatasetReader, lists_data_sets_and_the_nearest_name) {
  std::string const text = read_error(source("/train/image"));
  EXPECT_THAT(text,
              StartsWith("2: job.yaml:3: data.train.inputs: " + name_ +
                         " has no data set /train/image. Did you mean /train/images? It holds "
                         "/bad/empty, /bad/half"));
  EXPECT_THAT(text, HasSubstr("/train/wide."));
  EXPECT_THAT(read_error(source("/train")), HasSubstr("/train is a group, not a data set."));
  EXPECT_THAT(read_error(source("/train/images/deeper")), HasSubstr("has no data set"));
}

TEST_F(DatasetReader, says_what_a_data_set_is_not) {
  EXPECT_THAT(read_error(source("/bad/text")), HasSubstr("holds no numbers (its type is string)"));
  EXPECT_THAT(read_error(source("/bad/scalar")), HasSubstr("is a single number"));
  EXPECT_THAT(read_error(source("/bad/empty")), HasSubstr("is empty: its shape is [0, 6]"));
  Source const from = source("/train/images");
  EXPECT_EQ(error_of([&] { require_dimensions(from, inspect(from), 1, 2, "labels of shape [N]"); }),
            "2: job.yaml:3: data.train.inputs: " + name_ +
                ", data set /train/images has shape [10, 2, 3]; expected labels of shape [N].");
  EXPECT_EQ(error_of([&] { require_dimensions(from, inspect(from), 2, 4, "inputs"); }), "");
}

TEST_F(DatasetReader, says_which_rows_are_out_of_range) {
  Source from = source("/train/inputs");
  from.rows = Range{4, 11};
  EXPECT_EQ(read_error(from), "2: job.yaml:4: rows: rows [4, 11] are not in " + name_ +
                                  ", data set /train/inputs, which has 10; give [begin, end] with "
                                  "0 <= begin < end <= 10.");
  from.rows = Range{4, 4};
  EXPECT_THAT(read_error(from), HasSubstr("rows [4, 4] are not in"));
  from.rows.reset();
  from.rows_dataset = "/rows/beyond";
  EXPECT_THAT(read_error(from), HasSubstr("/rows/beyond: entry 1 is 10, but /train/inputs has rows "
                                          "0 to 9."));
  from.rows_dataset = "/rows/real";
  EXPECT_THAT(read_error(from), HasSubstr("should be a list of row numbers"));
  from.rows_dataset = "/rows/god";
  EXPECT_THAT(read_error(from), HasSubstr("Did you mean /rows/good?"));
}

TEST_F(DatasetReader, names_row_and_column_of_a_value_that_is_not_finite) {
  Source from = source("/bad/nan");
  from.rows = Range{5, 9};
  EXPECT_THAT(read_error(from),
              HasSubstr("/bad/nan: row 7, element [1, 1] is not a number (NaN)."));
  from.rows = Range{0, 7};
  EXPECT_EQ(read_error(from), "");
  from = source("/bad/huge");
  EXPECT_EQ(read_error(from), "");
  EXPECT_THAT(error_of([&] { read_rows<float>(world_, from); }),
              HasSubstr("row 7, column 4 is infinite or too large for single precision."));
  EXPECT_THAT(error_of([&] { read_integers(world_, source("/bad/half")); }),
              HasSubstr("row 2, column 0 is not a whole number."));
}

}  // namespace
}  // namespace widelimit::io
