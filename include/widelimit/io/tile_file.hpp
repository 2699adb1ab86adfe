/// \file
/// The store of matrices that are computed in tiles: results and checkpoint in one file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "widelimit/io/disk.hpp"
#include "widelimit/io/identity.hpp"
#include "widelimit/io/tile_grid.hpp"
#include "widelimit/runtime/communicator.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

/// A matrix kept in tiles.
struct MatrixSpec {
  std::string path;                            ///< of its data set, e.g. "/gram/ntk"
  TileGrid grid;                               ///< triangular grids are square
  bool single = false;                         ///< float, else double
  std::array<std::string, 2> dimension_names;  ///< of rows and columns, e.g. "test_point"
  bool operator==(MatrixSpec const&) const = default;
};

/// What to do with a file that is already there.
enum class Existing { refuse, replace };

/// What to do with a tile that is not what was written.
enum class OnCorrupt { refuse, recompute };

/// An HDF5 file in which each matrix is a plain data set whose chunks are the tiles, with a
/// checksum and a flag for each finished tile in `/checkpoint`.
///
/// Rank 0 makes the file with HDF5, all space reserved and uncompressed, and closes it. From then
/// on HDF5 is out of the way: each rank writes tiles with positioned writes to where HDF5 said
/// their chunks lie. So writes need no communication and no HDF5 lock, may come from any thread,
/// and a process that is killed at any moment leaves a file that opens. Tiles are written before
/// their checksum, that before the flag. ResultsWriter takes the file over to turn it into a
/// results file. Chunks, since a tile is then one piece of the file: rows of a contiguous data set
/// would be a piece each, at half the speed on a local disk and with ranks in each other's stripes
/// on a parallel one. The file system must show every rank what the others wrote (local disks,
/// Lustre, GPFS, BeeGFS; NFS only with all ranks on one node).
class TileFile {
 public:
  /// Makes the file (under another name first, so that it is whole or not there). Collective.
  /// Throws InputError: there is one already and `existing` is `refuse`, too little disk, no right
  /// to write.
  /// \param reserve
  ///   set blocks of the disk aside, so that no later write finds the disk full
  static TileFile create(runtime::Communicator const& comm, std::string const& name,
                         Identity const& identity, std::vector<MatrixSpec> const& specs,
                         Existing existing = Existing::refuse, bool reserve = true);

  /// Goes on with a file. Collective; reads all finished tiles, spread over the ranks, and compares
  /// checksums. Throws InputError: no such file or no checkpoint in it, of another run
  /// (`identity`), other matrices or tiles (`specs`), in use by another run, a damaged tile (unless
  /// `recompute`: then it is unfinished and a warning says so).
  static TileFile resume(runtime::Communicator const& comm, std::string const& name,
                         Identity const& identity, std::vector<MatrixSpec> const& specs,
                         OnCorrupt on_corrupt = OnCorrupt::refuse);

  /// What matrices and tiles a file holds: to go on with its tile size. Collective. Throws
  /// InputError as `resume`.
  static std::vector<MatrixSpec> stored_specs(runtime::Communicator const& comm,
                                              std::string const& name);

  std::string const& name() const { return file_.name(); }
  runtime::Communicator const& communicator() const { return comm_; }
  int matrices() const { return static_cast<int>(matrices_.size()); }
  MatrixSpec const& spec(int matrix) const { return at(matrix).spec; }

  /// Whether a tile was finished when the file was opened or last refreshed, or since by this rank.
  /// Local.
  bool finished(int matrix, Index tile) const;
  /// Number of tiles for which `finished` holds. Local.
  Index finished_count(int matrix) const;
  /// Makes the tiles that other ranks have written `finished` here too. Collective; while no thread
  /// writes.
  void refresh();

  /// Writes a tile, r x c of the grid, row-major with `ld` elements from row to row, and marks it
  /// finished; a `mirror` grid gets the transposed tile as well. Of a tile on the diagonal `mirror`
  /// wants the full square, of `lower` what lies above the diagonal is written as zero. Local; any
  /// thread, different tiles at once. Throws InputError: disk full.
  template <class Real>
  void write(int matrix, Index tile, Real const* data, Index ld);

  /// Reads a tile that some rank has written. Local; any thread.
  template <class Real>
  void read(int matrix, Index tile, Real* data, Index ld) const;

  /// Waits until what this rank wrote is on the disk, so that it outlasts a crash of the machine (a
  /// killed process alone loses nothing). Local.
  void sync() const;

  /// Deletes the file. Collective.
  void discard() &&;

 private:
  friend class ResultsWriter;
  struct Matrix {
    MatrixSpec spec;
    Index data = 0;  // where chunks, checksums and flags begin in the file
    Index checksums = 0;
    Index flags = 0;
    std::vector<std::uint8_t> finished;

    Index element_bytes() const { return spec.single ? 4 : 8; }
    Index chunk_rows() const { return std::min(spec.grid.tile, spec.grid.rows); }
    Index chunk_cols() const { return std::min(spec.grid.tile, spec.grid.cols); }
    Index chunk_bytes() const { return chunk_rows() * chunk_cols() * element_bytes(); }
    Index chunk_offset(TileId id) const {
      return data + (id.row * spec.grid.col_blocks() + id.col) * chunk_bytes();
    }
    Index data_bytes() const {
      return spec.grid.row_blocks() * spec.grid.col_blocks() * chunk_bytes();
    }
  };

  TileFile(runtime::Communicator comm, std::vector<MatrixSpec> const& specs);
  void attach(std::string const& name, Identity const& identity);
  void verify(OnCorrupt on_corrupt);
  template <class Real>
  bool intact(Matrix const& matrix, Index tile) const;
  void mark(Matrix& matrix, Index tile, bool finished);
  Matrix const& at(int matrix) const { return matrices_[static_cast<std::size_t>(matrix)]; }

  runtime::Communicator comm_;
  std::vector<Matrix> matrices_;
  DiskFile file_;
};

extern template void TileFile::write(int, Index, float const*, Index);
extern template void TileFile::write(int, Index, double const*, Index);
extern template void TileFile::read(int, Index, float*, Index) const;
extern template void TileFile::read(int, Index, double*, Index) const;

}  // namespace widelimit::io
