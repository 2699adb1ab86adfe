/// \file
/// A user's data set, opened and checked.
#pragma once

#include <string>
#include <vector>

#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/io/handle.hpp"

namespace widelimit::io::detail {

/// "[60000, 28, 28]".
std::string shape_text(std::vector<Index> const& shape);

/// An open numeric data set with at least one dimension. Local.
class OpenArray {
 public:
  /// Throws InputError: no such file or data set, no numbers, a scalar, rows out of range.
  explicit OpenArray(Source const& source);

  Source const& source() const { return source_; }
  ArrayInfo const& info() const { return info_; }
  /// Number in the file of a wanted row.
  Index file_row(Index row) const;
  /// The row numbers of `rows_dataset`; empty without one.
  std::vector<Index> const& listed_rows() const { return listed_; }
  /// Reads rows [begin, end) of the file, whole, as `memory_type`.
  void read(Range file_rows, hid_t memory_type, void* to) const;
  /// "FILE, data set PATH".
  std::string label() const { return source_.file + ", data set " + source_.dataset; }

 private:
  void select_rows(Index rows_in_file);

  Source source_;
  FileHandle file_;
  DatasetHandle dataset_;
  ArrayInfo info_;
  Index first_ = 0;
  std::vector<Index> listed_;
};

}  // namespace widelimit::io::detail
