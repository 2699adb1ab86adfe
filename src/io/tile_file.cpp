#include "widelimit/io/tile_file.hpp"

#include <algorithm>
#include <atomic>
#include <type_traits>

#include <unistd.h>

#include "widelimit/io/checksum.hpp"
#include "widelimit/runtime/error.hpp"

#include "io/detail/tile_copy.hpp"

namespace widelimit::io {
namespace {

/// A buffer of this thread, kept from tile to tile.
template <class Real>
Real* scratch(Index elements) {
  thread_local std::vector<Real> buffer;
  if (static_cast<Index>(buffer.size()) < elements)
    buffer.resize(static_cast<std::size_t>(elements));
  return buffer.data();
}

template <class Real>
std::uint64_t checksum_of(Index rows, Index cols, Real const* data, Index ld) {
  Checksum sum;
  for (Index i = 0; i < rows; ++i) {
    sum.add(data + i * ld, static_cast<std::size_t>(cols) * sizeof(Real));
  }
  return sum.value();
}

template <class Real>
void require_type(MatrixSpec const& spec) {
  if (spec.single == std::is_same_v<Real, float>) return;
  throw Error(ExitCode::failed, spec.path + ": tiles of the other precision were expected");
}

bool is_diagonal(TileGrid const& grid, TileId id) {
  return grid.triangular() && id.row == id.col;
}

}  // namespace

bool TileFile::finished(int matrix, Index tile) const {
  // The flag may be set by the thread that writes.
  std::uint8_t const& flag = at(matrix).finished[static_cast<std::size_t>(tile)];
  return std::atomic_ref<std::uint8_t const>(flag).load(std::memory_order_acquire) != 0;
}

Index TileFile::finished_count(int matrix) const {
  Index count = 0;
  for (Index tile = 0; tile < spec(matrix).grid.count(); ++tile) count += finished(matrix, tile);
  return count;
}

void TileFile::refresh() {
  for (Matrix& matrix : matrices_) {
    std::vector<unsigned char> const mine = matrix.finished;
    WIDELIMIT_MPI(MPI_Allreduce(mine.data(), matrix.finished.data(), static_cast<int>(mine.size()),
                                MPI_UNSIGNED_CHAR, MPI_MAX, comm_.get()));
  }
}

template <class Real>
void TileFile::write(int number, Index tile, Real const* data, Index ld) {
  Matrix& matrix = matrices_[static_cast<std::size_t>(number)];
  require_type<Real>(matrix.spec);
  TileGrid const& grid = matrix.spec.grid;
  TileId const id = grid.id(tile);
  Index const rows = grid.row_range(id).size();
  Index const cols = grid.col_range(id).size();
  Index const chunk_cols = matrix.chunk_cols();
  bool const zero_above = is_diagonal(grid, id) && grid.coverage == Coverage::lower;
  Index const row_bytes = chunk_cols * matrix.element_bytes();

  std::uint64_t sum = 0;
  if (ld == chunk_cols && cols == chunk_cols && !zero_above) {
    sum = checksum_of(rows, cols, data, ld);
    file_.write(data, rows * row_bytes, matrix.chunk_offset(id));
  } else {
    Real* const packed = scratch<Real>(rows * chunk_cols);
    detail::copy_tile(rows, cols, data, ld, packed, chunk_cols, zero_above);
    sum = checksum_of(rows, cols, packed, chunk_cols);
    file_.write(packed, rows * row_bytes, matrix.chunk_offset(id));
  }
  if (grid.coverage == Coverage::mirror && id.row != id.col) {
    Real* const turned = scratch<Real>(cols * chunk_cols);
    detail::transpose_tile(rows, cols, data, ld, turned, chunk_cols);
    file_.write(turned, cols * row_bytes, matrix.chunk_offset({id.col, id.row}));
  }
  file_.write(&sum, sizeof sum, matrix.checksums + tile * static_cast<Index>(sizeof sum));
  mark(matrix, tile, true);
}

template <class Real>
void TileFile::read(int number, Index tile, Real* data, Index ld) const {
  Matrix const& matrix = at(number);
  require_type<Real>(matrix.spec);
  TileGrid const& grid = matrix.spec.grid;
  TileId const id = grid.id(tile);
  Index const rows = grid.row_range(id).size();
  Index const cols = grid.col_range(id).size();
  Index const chunk_cols = matrix.chunk_cols();
  Index const bytes = rows * chunk_cols * matrix.element_bytes();
  if (ld == chunk_cols && cols == chunk_cols) {
    file_.read(data, bytes, matrix.chunk_offset(id));
    return;
  }
  Real* const packed = scratch<Real>(rows * chunk_cols);
  file_.read(packed, bytes, matrix.chunk_offset(id));
  for (Index i = 0; i < rows; ++i) std::copy_n(packed + i * chunk_cols, cols, data + i * ld);
}

template <class Real>
bool TileFile::intact(Matrix const& matrix, Index tile) const {
  TileGrid const& grid = matrix.spec.grid;
  TileId const id = grid.id(tile);
  Index const rows = grid.row_range(id).size();
  Index const cols = grid.col_range(id).size();
  Index const chunk_cols = matrix.chunk_cols();
  Index const row_bytes = chunk_cols * matrix.element_bytes();
  std::uint64_t stored = 0;
  file_.read(&stored, sizeof stored, matrix.checksums + tile * static_cast<Index>(sizeof stored));
  std::vector<Real> data(static_cast<std::size_t>(rows * chunk_cols));
  file_.read(data.data(), rows * row_bytes, matrix.chunk_offset(id));
  if (checksum_of(rows, cols, data.data(), chunk_cols) != stored) return false;
  if (grid.coverage != Coverage::mirror || id.row == id.col) return true;
  // The mirrored tile has no checksum of its own: it must be the transposed one.
  Real* const mirrored = scratch<Real>(cols * chunk_cols);
  file_.read(mirrored, cols * row_bytes, matrix.chunk_offset({id.col, id.row}));
  std::vector<Real> turned(static_cast<std::size_t>(rows * chunk_cols));
  detail::transpose_tile(cols, rows, mirrored, chunk_cols, turned.data(), chunk_cols);
  return checksum_of(rows, cols, turned.data(), chunk_cols) == stored;
}

template bool TileFile::intact<float>(Matrix const&, Index) const;
template bool TileFile::intact<double>(Matrix const&, Index) const;
template void TileFile::write(int, Index, float const*, Index);
template void TileFile::write(int, Index, double const*, Index);
template void TileFile::read(int, Index, float*, Index) const;
template void TileFile::read(int, Index, double*, Index) const;

void TileFile::mark(Matrix& matrix, Index tile, bool finished) {
  std::uint8_t const flag = finished ? 1 : 0;
  file_.write(&flag, 1, matrix.flags + tile);
  std::atomic_ref<std::uint8_t>(matrix.finished[static_cast<std::size_t>(tile)])
      .store(flag, std::memory_order_release);
}

void TileFile::sync() const {
  file_.sync();
}

void TileFile::discard() && {
  std::string const file = name();
  file_ = DiskFile();
  comm_.barrier();
  if (comm_.is_root()) unlink(file.c_str());
  comm_.barrier();
}

}  // namespace widelimit::io
