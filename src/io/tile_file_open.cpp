// How a tile file comes to be: created, or resumed and verified.
#include <filesystem>

#include <unistd.h>

#include "widelimit/io/tile_file.hpp"
#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "io/detail/tile_layout.hpp"
#include "io/detail/undo.hpp"

namespace widelimit::io {
namespace {

[[noreturn]] void throw_in_use(std::string const& name) {
  throw InputError(name +
                   ": another run is writing this file. Wait for it, or give this run another "
                   "output file.");
}

void remove_existing(std::string const& name, Existing existing) {
  if (!std::filesystem::exists(name)) return;
  if (existing == Existing::refuse) {
    throw InputError(name +
                     ": holds the work of an unfinished run. Add --resume to go on with it, or "
                     "--overwrite to start over.");
  }
  if (!DiskFile(name, DiskFile::Mode::update).try_lock()) throw_in_use(name);
  unlink(name.c_str());
  unlink(detail::undo_name(name).c_str());
}

void require_same_specs(std::vector<MatrixSpec> const& stored, std::vector<MatrixSpec> const& now,
                        std::string const& file) {
  auto const text = [](std::vector<MatrixSpec> const& specs) {
    std::string list;
    for (MatrixSpec const& s : specs) {
      list += (list.empty() ? "" : ", ") + s.path + " [" + std::to_string(s.grid.rows) + ", " +
              std::to_string(s.grid.cols) + "] in tiles of " + std::to_string(s.grid.tile) +
              (s.single ? ", single" : ", double") + " precision" +
              (s.grid.coverage == Coverage::lower    ? ", lower triangle"
               : s.grid.coverage == Coverage::mirror ? ", symmetric"
                                                     : "");
    }
    return list;
  };
  if (stored == now) return;
  throw InputError(file + ": this checkpoint holds " + text(stored) + "; this run needs " +
                   text(now) +
                   ". Give the same job, data and resources.tile as before, or start over with "
                   "--overwrite.");
}

/// Specs as lines of text, to be sent.
std::string encode(std::vector<MatrixSpec> const& specs) {
  std::string text;
  for (MatrixSpec const& s : specs) {
    text += s.path + "\n" + s.dimension_names[0] + "\n" + s.dimension_names[1] + "\n";
    for (Index const number : {s.grid.rows, s.grid.cols, s.grid.tile,
                               static_cast<Index>(s.grid.coverage), Index{s.single}}) {
      text += std::to_string(number) + "\n";
    }
  }
  return text;
}

std::vector<MatrixSpec> decode(std::string const& text) {
  std::vector<MatrixSpec> specs;
  std::istringstream lines(text);
  MatrixSpec s;
  while (std::getline(lines, s.path) && std::getline(lines, s.dimension_names[0]) &&
         std::getline(lines, s.dimension_names[1])) {
    int coverage = 0;
    lines >> s.grid.rows >> s.grid.cols >> s.grid.tile >> coverage >> s.single;
    lines.ignore();  // the line end
    s.grid.coverage = static_cast<Coverage>(coverage);
    specs.push_back(s);
  }
  return specs;
}

}  // namespace

TileFile::TileFile(runtime::Communicator comm, std::vector<MatrixSpec> const& specs)
    : comm_(std::move(comm)) {
  for (MatrixSpec const& spec : specs) {
    matrices_.emplace_back();
    matrices_.back().spec = spec;
    matrices_.back().finished.resize(static_cast<std::size_t>(spec.grid.count()));
  }
}

TileFile TileFile::create(runtime::Communicator const& comm, std::string const& name,
                          Identity const& identity, std::vector<MatrixSpec> const& specs,
                          Existing existing, bool reserve) {
  TileFile tiles(comm, specs);
  std::string const unfinished = name + ".new";
  runtime::agree_on_root(comm, [&] {
    remove_existing(name, existing);
    double needed = 0;
    for (Matrix const& m : tiles.matrices_) {
      double const part = m.spec.grid.coverage == Coverage::lower
                              ? static_cast<double>(m.spec.grid.count() * m.chunk_bytes())
                              : static_cast<double>(m.data_bytes());
      needed += part + 9.0 * static_cast<double>(m.spec.grid.count());
    }
    if (reserve) require_free_bytes(name, needed);
    try {
      detail::make_tile_file(unfinished, identity, specs);
      detail::TileFileHeader const header = detail::read_header(unfinished);
      DiskFile const file(unfinished, DiskFile::Mode::update);
      for (std::size_t k = 0; reserve && k < specs.size(); ++k) {
        Matrix matrix = tiles.matrices_[k];
        matrix.data = header.offsets[k].data;
        TileGrid const& grid = matrix.spec.grid;
        for (Index row = 0; row < grid.row_blocks(); ++row) {
          Index const last = grid.coverage == Coverage::lower ? row : grid.col_blocks() - 1;
          file.reserve(matrix.chunk_offset({row, 0}), (last + 1) * matrix.chunk_bytes(), false);
        }
      }
      file.sync();
      rename_file(unfinished, name);
      sync_folder(name);
    } catch (...) {
      unlink(unfinished.c_str());
      throw;
    }
  });
  tiles.attach(name, identity);
  return tiles;
}

TileFile TileFile::resume(runtime::Communicator const& comm, std::string const& name,
                          Identity const& identity, std::vector<MatrixSpec> const& specs,
                          OnCorrupt on_corrupt) {
  TileFile tiles(comm, specs);
  tiles.attach(name, identity);
  tiles.verify(on_corrupt);
  return tiles;
}

std::vector<MatrixSpec> TileFile::stored_specs(runtime::Communicator const& comm,
                                               std::string const& name) {
  std::string text;
  runtime::agree_on_root(comm, [&] {
    if (std::filesystem::exists(name)) detail::restore_undo(name);
    text = encode(detail::read_header(name).specs);
  });
  return decode(comm.broadcast(text));
}

void TileFile::attach(std::string const& name, Identity const& identity) {
  std::vector<detail::MatrixOffsets> offsets(matrices_.size());
  runtime::agree_on_root(comm_, [&] {
    if (std::filesystem::exists(name)) {
      file_ = DiskFile(name, DiskFile::Mode::update);
      if (!file_.try_lock()) throw_in_use(name);
      detail::restore_undo(name);
    }
    detail::TileFileHeader const header = detail::read_header(name);
    require_same(header.identity, identity, name);
    std::vector<MatrixSpec> specs;
    for (Matrix const& matrix : matrices_) specs.push_back(matrix.spec);
    require_same_specs(header.specs, specs, name);
    offsets = header.offsets;
  });
  comm_.broadcast(offsets.data(), static_cast<Index>(offsets.size() * sizeof offsets[0]));
  runtime::agree(comm_, [&] {
    if (!file_) file_ = DiskFile(name, DiskFile::Mode::update);
    for (std::size_t k = 0; k < matrices_.size(); ++k) {
      Matrix& matrix = matrices_[k];
      matrix.data = offsets[k].data;
      matrix.checksums = offsets[k].checksums;
      matrix.flags = offsets[k].flags;
      file_.read(matrix.finished.data(), static_cast<Index>(matrix.finished.size()), matrix.flags);
    }
  });
}

void TileFile::verify(OnCorrupt on_corrupt) {
  runtime::agree(comm_, [&] {
    for (Matrix& matrix : matrices_) {
      for (Index tile = comm_.rank(); tile < matrix.spec.grid.count(); tile += comm_.size()) {
        if (matrix.finished[static_cast<std::size_t>(tile)] == 0) continue;
        if (matrix.spec.single ? intact<float>(matrix, tile) : intact<double>(matrix, tile))
          continue;
        TileId const id = matrix.spec.grid.id(tile);
        std::string const what = name() + ": tile " + std::to_string(tile) + " of " +
                                 matrix.spec.path + " (block row " + std::to_string(id.row) +
                                 ", block column " + std::to_string(id.col) +
                                 ") is damaged: its checksum differs";
        if (on_corrupt == OnCorrupt::refuse) {
          throw InputError(what +
                           ". Let damaged tiles be computed again (checkpoint.on_corrupt: "
                           "recompute), or start over with --overwrite.");
        }
        runtime::log_local(runtime::Level::warning, what + "; it will be computed again");
        mark(matrix, tile, false);
      }
    }
  });
  for (Matrix& matrix : matrices_) {
    std::vector<unsigned char> const mine = matrix.finished;
    WIDELIMIT_MPI(MPI_Allreduce(mine.data(), matrix.finished.data(), static_cast<int>(mine.size()),
                                MPI_UNSIGNED_CHAR, MPI_MIN, comm_.get()));
  }
}

}  // namespace widelimit::io
