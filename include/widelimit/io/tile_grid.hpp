/// \file
/// How a matrix is cut into tiles: pure integer arithmetic.
#pragma once

#include <algorithm>

#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

/// Which part of a matrix is computed and stored.
enum class Coverage {
  all,    ///< every tile
  lower,  ///< tiles on and below the diagonal; the rest is left at zero
  mirror  ///< as `lower`, and each tile is written a second time, transposed, above the diagonal
};

struct TileId {
  Index row = 0;  ///< which block of rows
  Index col = 0;  ///< which block of columns
  bool operator==(TileId const&) const = default;
};

/// A rows x cols matrix cut in square tiles of `tile` points; the last block of each direction may
/// be smaller. Tiles are numbered 0 … count()-1, row block by row block, those above the diagonal
/// left out unless `coverage` is `all`.
struct TileGrid {
  Index rows = 0;
  Index cols = 0;
  Index tile = 1;
  Coverage coverage = Coverage::all;

  bool triangular() const { return coverage != Coverage::all; }
  Index row_blocks() const { return (rows + tile - 1) / tile; }
  Index col_blocks() const { return (cols + tile - 1) / tile; }
  Index count() const {
    return triangular() ? row_blocks() * (row_blocks() + 1) / 2 : row_blocks() * col_blocks();
  }
  TileId id(Index number) const {
    if (!triangular()) return {number / col_blocks(), number % col_blocks()};
    Index row = 0;  // the largest row with row(row+1)/2 <= number
    for (Index high = row_blocks(); high - row > 1;) {
      Index const middle = (row + high) / 2;
      (middle * (middle + 1) / 2 <= number ? row : high) = middle;
    }
    return {row, number - row * (row + 1) / 2};
  }
  Index number(TileId id) const {
    return triangular() ? id.row * (id.row + 1) / 2 + id.col : id.row * col_blocks() + id.col;
  }
  Range row_range(TileId id) const { return {id.row * tile, std::min(rows, (id.row + 1) * tile)}; }
  Range col_range(TileId id) const { return {id.col * tile, std::min(cols, (id.col + 1) * tile)}; }
  /// Entries of a tile that carry information (a tile on the diagonal of a triangular grid counts
  /// half).
  Index entries(TileId id) const {
    Index const r = row_range(id).size();
    return triangular() && id.row == id.col ? r * (r + 1) / 2 : r * col_range(id).size();
  }
  Index total_entries() const { return triangular() ? rows * (rows + 1) / 2 : rows * cols; }
  bool operator==(TileGrid const&) const = default;
};

}  // namespace widelimit::io
