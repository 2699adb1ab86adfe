/// \file
/// The HDF5 side of a tile file: made, and read back, by rank 0 alone.
#pragma once

#include <string>
#include <vector>

#include "widelimit/io/identity.hpp"
#include "widelimit/io/tile_file.hpp"

namespace widelimit::io::detail {

/// Where the parts of a matrix begin in the file, bytes.
struct MatrixOffsets {
  Index data = 0;
  Index checksums = 0;
  Index flags = 0;
};

/// Makes and closes a file with space for all matrices. Local. Throws InputError (see DiskFile).
void make_tile_file(std::string const& name, Identity const& identity,
                    std::vector<MatrixSpec> const& specs);

/// What a tile file says of itself.
struct TileFileHeader {
  Identity identity;
  std::vector<MatrixSpec> specs;
  std::vector<MatrixOffsets> offsets;
};

/// Local. Throws InputError: no such file, no checkpoint in it.
TileFileHeader read_header(std::string const& name);

/// "/gram/ntk" -> "/checkpoint/gram_ntk".
std::string checkpoint_group(std::string const& matrix_path);

}  // namespace widelimit::io::detail
