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

}  // namespace

template <class Real, class Solve>
BlockCyclicSink<Real, Solve>::BlockCyclicSink(linalg::DistributedMatrix<Solve>& matrix,
                                              io::TileGrid const& grid, TileSchedule schedule,
                                              Kernel kernel)
    : matrix_(matrix),
      grid_(grid),
      schedule_(std::move(schedule)),
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
}

template <class Real, class Solve>
void BlockCyclicSink<Real, Solve>::end_round(Index round) {
  auto const& comm = matrix_.grid().comm();
  auto const ranks = static_cast<std::size_t>(comm.size());
  std::vector<int> send_counts(ranks), receive_counts(ranks);
  std::vector<Real> sending;
  for (std::size_t r = 0; r < ranks; ++r) {
    send_counts[r] = static_cast<int>(outgoing_[r].size());
    sending.insert(sending.end(), outgoing_[r].begin(), outgoing_[r].end());
    outgoing_[r].clear();
  }
  // A rank whose tile failed sends nothing, so the counts are told rather than worked out from the
  // schedule.
  WIDELIMIT_MPI(
      MPI_Alltoall(send_counts.data(), 1, MPI_INT, receive_counts.data(), 1, MPI_INT, comm.get()));
  auto const send_offsets = offsets_of(send_counts), receive_offsets = offsets_of(receive_counts);
  std::vector<Real> received(
      static_cast<std::size_t>(receive_offsets.back() + receive_counts.back()));
  WIDELIMIT_MPI(MPI_Alltoallv(sending.data(), send_counts.data(), send_offsets.data(),
                              mpi_type<Real>(), received.data(), receive_counts.data(),
                              receive_offsets.data(), mpi_type<Real>(), comm.get()));
  for (int source = 0; source < comm.size(); ++source) {
    if (receive_counts[static_cast<std::size_t>(source)] == 0) continue;
    Real const* next = received.data() + receive_offsets[static_cast<std::size_t>(source)];
    for (Block const& block : blocks_of(schedule_.tile(round, source))) {
      if (block.owner != comm.rank()) continue;
      for (Index j = block.cols.begin; j < block.cols.end; ++j) {
        Solve* const column = &matrix_.global(block.rows.begin, j);
        std::copy_n(next, block.rows.size(), column);
        next += block.rows.size();
      }
    }
  }
}

template class BlockCyclicSink<float, float>;
template class BlockCyclicSink<float, double>;
template class BlockCyclicSink<double, double>;

}  // namespace widelimit::gram
