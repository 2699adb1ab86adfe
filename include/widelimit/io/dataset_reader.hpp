/// \file
/// Reads the user's arrays: inputs, targets, labels, lengths, patterns.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "widelimit/runtime/communicator.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

/// An array in a file and which of its rows (first dimension) are wanted, in which order.
struct Source {
  std::string file;
  std::string dataset;
  Location where;             ///< where the user named file and data set, for errors
  Location rows_where;        ///< where the user named the rows
  std::optional<Range> rows;  ///< half-open; neither this nor `rows_dataset`: all rows
  std::string rows_dataset;   ///< path of a data set of row numbers, in the same file
};

struct ArrayInfo {
  std::vector<Index> shape;  ///< after selection of rows
  bool integer = false;      ///< stored as integers (or booleans)
  Index rows() const { return shape.front(); }
  /// Elements of a row: the product of the lengths after the first.
  Index row_size() const;
};

/// Shape and class of an array, without reading it (but its row numbers, where it has some). Local.
/// Throws InputError: what the file and the data set are not, rows out of range, no rows.
ArrayInfo inspect(Source const& source);

/// Throws InputError unless the array has between `least` and `most` dimensions. `meaning` says
/// what was expected, e.g. "inputs of shape [N, D], [N, T, C] or [N, H, W, C]". Local.
void require_dimensions(Source const& source, ArrayInfo const& info, std::size_t least,
                        std::size_t most, std::string const& meaning);

/// The wanted rows, row-major [rows, row_size], converted from any integer or floating-point type.
/// Collective: rank 0 reads, so that a shared file system serves one reader, and every rank gets
/// all. Memory: the result, plus on rank 0 up to 64 MiB. Throws InputError on every rank, as
/// inspect, and for a NaN or an infinite value (with its row in the file's own numbering, and its
/// column).
template <class Real>
std::vector<Real> read_rows(runtime::Communicator const& comm, Source const& source);

/// As read_rows, for whole numbers: integers, booleans, or floating-point numbers that are whole.
std::vector<Index> read_integers(runtime::Communicator const& comm, Source const& source);

extern template std::vector<float> read_rows(runtime::Communicator const&, Source const&);
extern template std::vector<double> read_rows(runtime::Communicator const&, Source const&);

}  // namespace widelimit::io
