#include "widelimit/gram/block_cyclic_sink.hpp"

#include <numeric>

#include <mpi.h>

namespace widelimit::gram {
namespace {

template <class Real>
MPI_Datatype mpi_type() {
  return sizeof(Real) == 8 ? MPI_DOUBLE : MPI_FLOAT;
}

/// Where each rank's part begins.
std::vector<int> offsets_of(std::vector<int> const& counts) {
  std::vector<int> offsets(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), offsets.begin(), 0);
  return offsets;
}

/// The numbers of each rank, on every rank. Collective.
std::vector<std::vector<Index>> gather(std::vector<Index> const& mine,
                                       runtime::Communicator const& comm) {
  auto const ranks = static_cast<std::size_t>(comm.size());
  int const count = static_cast<int>(mine.size());
  std::vector<int> counts(ranks);
  WIDELIMIT_MPI(MPI_Allgather(&count, 1, MPI_INT, counts.data(), 1, MPI_INT, comm.get()));
  auto const offsets = offsets_of(counts);
  std::vector<Index> all(static_cast<std::size_t>(offsets.back() + counts.back()));
  WIDELIMIT_MPI(MPI_Allgatherv(mine.data(), count, MPI_INT64_T, all.data(), counts.data(),
                               offsets.data(), MPI_INT64_T, comm.get()));
  std::vector<std::vector<Index>> parts;
  for (std::size_t r = 0; r < ranks; ++r)
    parts.emplace_back(all.begin() + offsets[r], all.begin() + offsets[r] + counts[r]);
  return parts;
}

}  // namespace

template <class Real, class Solve>
BlockCyclicSink<Real, Solve>::BlockCyclicSink(linalg::DistributedMatrix<Solve>& matrix,
                                              io::TileGrid const& grid, Kernel kernel)
    : matrix_(matrix),
      grid_(grid),
      kernel_(kernel),
      outgoing_(static_cast<std::size_t>(matrix.grid().size())) {}

template <class Real, class Solve>
auto BlockCyclicSink<Real, Solve>::blocks_of(Index tile) const -> std::vector<Block> {
  auto const id = grid_.id(tile);
  Range const rows = grid_.row_range(id), cols = grid_.col_range(id);
  Index const block = matrix_.block();
  // Tiles may begin and end within a block.
  auto const part = [&](Index begin, Index end) {
    return Range{begin, std::min((begin / block + 1) * block, end)};
  };
  std::vector<Block> blocks;
  for (Index i = rows.begin; i < rows.end; i = part(i, rows.end).end) {
    for (Index j = cols.begin; j < cols.end; j = part(j, cols.end).end) {
      if (grid_.triangular() && j > i) continue;
      int const owner =
          matrix_.row_axis().owner(i) * matrix_.grid().cols() + matrix_.col_axis().owner(j);
      blocks.push_back({part(i, rows.end), part(j, cols.end), owner});
    }
  }
  return blocks;
}

template <class Real, class Solve>
void BlockCyclicSink<Real, Solve>::accept(Tile<Real> const& tile, bool) {
  Real const* const data = kernel_ == Kernel::nngp ? tile.nngp.get() : tile.ntk.get();
  for (Block const& block : blocks_of(tile.number)) {
    auto& out = outgoing_[static_cast<std::size_t>(block.owner)];
    // Column by column, as the receiver stores it.
    std::size_t at = out.size();
    out.resize(at + static_cast<std::size_t>(block.rows.size() * block.cols.size()));
    for (Index j = block.cols.begin; j < block.cols.end; ++j) {
      Real const* const column = data + (j - tile.cols.begin) - tile.rows.begin * tile.ld;
      for (Index i = block.rows.begin; i < block.rows.end; ++i) out[at++] = column[i * tile.ld];
    }
  }
  packed_.push_back(tile.number);
}

template <class Real, class Solve>
void BlockCyclicSink<Real, Solve>::end_round() {
  auto const& comm = matrix_.grid().comm();
  auto const ranks = static_cast<std::size_t>(comm.size());
  auto const me = static_cast<std::size_t>(comm.rank());
  auto const tiles = gather(packed_, comm);
  packed_.clear();
  std::vector<int> send_counts(ranks), receive_counts(ranks);
  std::vector<Block> coming;  // in the order in which they come
  for (std::size_t source = 0; source < ranks; ++source) {
    for (Index const tile : tiles[source]) {
      for (Block const& block : blocks_of(tile)) {
        auto const owner = static_cast<std::size_t>(block.owner);
        auto const entries = static_cast<int>(block.rows.size() * block.cols.size());
        if (source == me) send_counts[owner] += entries;
        if (owner != me) continue;
        receive_counts[source] += entries;
        coming.push_back(block);
      }
    }
  }
  std::vector<Real> sending;
  for (std::size_t r = 0; r < ranks; ++r) {
    // A tile whose packing failed has left a rest behind, which is nobody's.
    sending.insert(sending.end(), outgoing_[r].begin(), outgoing_[r].begin() + send_counts[r]);
    outgoing_[r].clear();
  }
  auto const send_offsets = offsets_of(send_counts), receive_offsets = offsets_of(receive_counts);
  std::vector<Real> received(
      static_cast<std::size_t>(receive_offsets.back() + receive_counts.back()));
  WIDELIMIT_MPI(MPI_Alltoallv(sending.data(), send_counts.data(), send_offsets.data(),
                              mpi_type<Real>(), received.data(), receive_counts.data(),
                              receive_offsets.data(), mpi_type<Real>(), comm.get()));
  Real const* next = received.data();
  for (Block const& block : coming) {
    for (Index j = block.cols.begin; j < block.cols.end; ++j) {
      std::copy_n(next, block.rows.size(), &matrix_.global(block.rows.begin, j));
      next += block.rows.size();
    }
  }
}

template class BlockCyclicSink<float, float>;
template class BlockCyclicSink<float, double>;
template class BlockCyclicSink<double, double>;

}  // namespace widelimit::gram
