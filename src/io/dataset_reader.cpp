#include "widelimit/io/dataset_reader.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <type_traits>

#include "widelimit/runtime/agree.hpp"

#include "io/detail/native_type.hpp"
#include "io/detail/open_array.hpp"

namespace widelimit::io {
namespace {

using detail::OpenArray;

// Beyond, double precision skips whole numbers.
constexpr double largest_whole = 9007199254740992.0;
// Read at a time.
constexpr Index block_bytes = Index{64} << 20;
// Unwanted rows between wanted ones that are cheaper to read than to skip.
constexpr Index gap_bytes = Index{64} << 10;

std::string column_text(std::vector<Index> const& shape, Index element) {
  if (shape.size() <= 2) return "column " + std::to_string(element);
  std::vector<Index> position;
  for (std::size_t axis = shape.size() - 1; axis > 0; --axis) {
    position.insert(position.begin(), element % shape[axis]);
    element /= shape[axis];
  }
  return "element " + detail::shape_text(position);
}

/// Throws when an element of the row is not finite (or, `whole`, not a whole number).
template <class Stored>
void check_row(OpenArray const& array, Index file_row, Stored const* values, bool whole) {
  auto const bad = [whole](Stored x) {
    return !std::isfinite(x) || (whole && (x != std::trunc(x) || std::abs(x) > largest_whole));
  };
  auto const* const end = values + array.info().row_size();
  auto const* const found = std::find_if(values, end, bad);
  if (found == end) return;
  std::string what = "is not a whole number";
  if (std::isnan(*found)) what = "is not a number (NaN)";
  if (std::isinf(*found)) {
    what = std::is_same_v<Stored, float> ? "is infinite or too large for single precision"
                                         : "is infinite";
  }
  throw InputError(array.source().where,
                   array.label() + ": row " + std::to_string(file_row) + ", " +
                       column_text(array.info().shape, found - values) + " " + what +
                       ". Mend the data, or leave the row out with rows.");
}

/// Cuts the wanted rows in blocks of rows that lie together in the file, and calls
/// `read(file_rows, wanted)` for each: `wanted` are the numbers of the wanted rows among them.
template <class Read>
void for_each_block(OpenArray const& array, Index element_bytes, Read const& read) {
  Index const row_bytes = array.info().row_size() * element_bytes;
  Index const most_rows = std::max<Index>(1, block_bytes / row_bytes);
  Index const n = array.info().rows();
  if (array.listed_rows().empty()) {
    for (Index row = 0; row < n; row += most_rows) {
      Index const count = std::min(most_rows, n - row);
      std::vector<Index> wanted(static_cast<std::size_t>(count));
      std::iota(wanted.begin(), wanted.end(), row);
      read(Range{array.file_row(row), array.file_row(row) + count}, wanted);
    }
    return;
  }
  // In the file's order, near rows in one read, so that a shuffled list does not jump about.
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return array.file_row(a) < array.file_row(b); });
  Index const most_gap = 1 + gap_bytes / row_bytes;
  for (auto first = order.begin(); first != order.end();) {
    Index const begin = array.file_row(*first);
    Index last_row = begin;
    auto last = first;
    for (; last != order.end(); ++last) {
      Index const row = array.file_row(*last);
      if (row - last_row > most_gap || row - begin >= most_rows) break;
      last_row = row;
    }
    read(Range{begin, last_row + 1}, std::vector<Index>(first, last));
    first = last;
  }
}

/// All wanted rows, on this rank, read as `Stored` and converted to `T`.
template <class Stored, class T>
void read_local(OpenArray const& array, std::vector<T>& result) {
  Index const row_size = array.info().row_size();
  bool const check = std::is_floating_point_v<Stored> && !array.info().integer;
  std::vector<Stored> block;
  for_each_block(array, sizeof(Stored), [&](Range rows, std::vector<Index> const& wanted) {
    block.resize(std::max(block.size(), static_cast<std::size_t>(rows.size() * row_size)));
    array.read(rows, detail::native_type<Stored>(), block.data());
    for (Index const row : wanted) {
      Index const file_row = array.file_row(row);
      Stored const* const from = block.data() + (file_row - rows.begin) * row_size;
      if (check) check_row(array, file_row, from, std::is_same_v<T, Index>);
      std::transform(from, from + row_size, result.begin() + row * row_size,
                     [](Stored x) { return static_cast<T>(x); });
    }
  });
}

template <class T, class ReadAll>
std::vector<T> read_on_root(runtime::Communicator const& comm, Source const& source,
                            ReadAll const& read_all) {
  std::optional<OpenArray> array;
  Index count = 0;
  runtime::agree_on_root(comm, [&] {
    array.emplace(source);
    count = array->info().rows() * array->info().row_size();
  });
  comm.broadcast(&count, sizeof count);
  std::vector<T> result;
  runtime::agree(comm, [&] {
    result.resize(static_cast<std::size_t>(count));
    if (array) read_all(*array, result);
  });
  comm.broadcast(result.data(), count * static_cast<Index>(sizeof(T)));
  return result;
}

}  // namespace

Index ArrayInfo::row_size() const {
  return std::accumulate(shape.begin() + 1, shape.end(), Index{1}, std::multiplies<>());
}

ArrayInfo inspect(Source const& source) {
  return OpenArray(source).info();
}

void require_dimensions(Source const& source, ArrayInfo const& info, std::size_t least,
                        std::size_t most, std::string const& meaning) {
  if (info.shape.size() >= least && info.shape.size() <= most) return;
  throw InputError(source.where, source.file + ", data set " + source.dataset + " has shape " +
                                     detail::shape_text(info.shape) + "; expected " + meaning +
                                     ".");
}

template <class Real>
std::vector<Real> read_rows(runtime::Communicator const& comm, Source const& source) {
  return read_on_root<Real>(comm, source, [](OpenArray const& array, std::vector<Real>& result) {
    read_local<Real>(array, result);
  });
}

template std::vector<float> read_rows(runtime::Communicator const&, Source const&);
template std::vector<double> read_rows(runtime::Communicator const&, Source const&);

std::vector<Index> read_integers(runtime::Communicator const& comm, Source const& source) {
  return read_on_root<Index>(comm, source, [](OpenArray const& array, std::vector<Index>& result) {
    if (array.info().integer) {
      read_local<Index>(array, result);
    } else {
      read_local<double>(array, result);  // to see whether they are whole
    }
  });
}

}  // namespace widelimit::io
