#include "widelimit/interpreter/particles.hpp"

#include <algorithm>
#include <bit>

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/memory.hpp"

namespace widelimit::interpreter {
namespace {

using Exec = Kokkos::DefaultHostExecutionSpace;

/// Enough for the threads of a node, with sums that stay small beside the vectors.
constexpr Index most_lanes = 64;
/// Fewer rows in a product cost more in calls than threads gain.
constexpr Index least_rows = 128;

Index lane_count(Index particles, int ranks) {
  auto const wanted = static_cast<std::uint64_t>(std::max<Index>(1, particles / least_rows));
  auto const lanes = std::min<std::uint64_t>(std::bit_floor(wanted), most_lanes);
  return static_cast<Index>(std::max(lanes, std::bit_ceil(static_cast<std::uint64_t>(ranks))));
}

template <class Real>
MPI_Datatype mpi_type() {
  return std::is_same_v<Real, float> ? MPI_FLOAT : MPI_DOUBLE;
}

}  // namespace

Particles::Particles(runtime::Communicator comm, Index count)
    : comm_(std::move(comm)), count_(count), lanes_(lane_count(count, comm_.size())) {
  if (count < comm_.size())
    throw InputError(fmt::format("{} particles (width) on {} ranks: each rank needs at least one",
                                 count, comm_.size()));
}

Range Particles::lanes_of(int rank) const {
  return {rank * lanes_ / comm_.size(), (rank + 1) * lanes_ / comm_.size()};
}

Range Particles::of(int rank) const {
  Range const lanes = lanes_of(rank);
  return {lane_begin(lanes.begin), lane_begin(lanes.end)};
}

void Particles::for_each_lane(std::function<void(Index, Range)> const& f) const {
  Kokkos::parallel_for("widelimit::interpreter::lanes",
                       Kokkos::RangePolicy<Exec, Kokkos::Schedule<Kokkos::Dynamic>>(
                           Exec(), 0, local_lanes(), Kokkos::ChunkSize(1)),
                       [&](Index slot) { f(slot, local_lane(slot)); });
}

void Particles::sum(std::vector<double>& slots, Index length) const {
  Range const lanes = lanes_of(comm_.rank());
  // A rank's lanes are a subtree of the binary tree over all lanes where the ranks are a power of
  // two; elsewhere this is some order.
  for (Index step = 1; step < lanes.size(); step *= 2)
    for (Index lane = 0; lane + step < lanes.size(); lane += 2 * step) {
      double* const to = slots.data() + lane * length;
      double const* const from = slots.data() + (lane + step) * length;
      for (Index i = 0; i < length; ++i) to[i] += from[i];
    }
  int const ranks = comm_.size();
  if (!std::has_single_bit(static_cast<unsigned>(ranks))) {
    comm_.sum(slots.data(), length);
    return;
  }
  std::vector<double> other(static_cast<std::size_t>(ranks > 1 ? length : 0));
  for (int step = 1; step < ranks; step *= 2) {
    int const partner = comm_.rank() ^ step;
    constexpr Index at_once = Index{1} << 30;
    for (Index begin = 0; begin < length; begin += at_once) {
      int const n = static_cast<int>(std::min(at_once, length - begin));
      WIDELIMIT_MPI(MPI_Sendrecv(slots.data() + begin, n, MPI_DOUBLE, partner, 0,
                                 other.data() + begin, n, MPI_DOUBLE, partner, 0, comm_.get(),
                                 MPI_STATUS_IGNORE));
    }
    for (Index i = 0; i < length; ++i)  // a + b and b + a are the same bits
      slots[static_cast<std::size_t>(i)] += other[static_cast<std::size_t>(i)];
  }
}

template <class Real>
std::pair<std::vector<int>, std::vector<int>> Particles::counts() const {
  std::vector<int> sizes, firsts;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    sizes.push_back(static_cast<int>(of(rank).size()));
    firsts.push_back(static_cast<int>(of(rank).begin));
  }
  return {std::move(sizes), std::move(firsts)};
}

template <class Real>
void Particles::gather(Real const* local, Index ld, Index columns, Real* whole) const {
  auto const [sizes, firsts] = counts<Real>();
  auto const type = mpi_type<Real>();
  for (Index c = 0; c < columns; ++c)
    WIDELIMIT_MPI(MPI_Allgatherv(local + c * ld, static_cast<int>(local_count()), type,
                                 whole + c * count_, sizes.data(), firsts.data(), type,
                                 comm_.get()));
}

template <class Real>
void Particles::add_scattered(Real* whole, Index columns, Real* local, Index ld) const {
  auto const sizes = counts<Real>().first;
  Index const n = local_count();
  std::vector<Real> sums(static_cast<std::size_t>(n));
  for (Index c = 0; c < columns; ++c) {
    WIDELIMIT_MPI(MPI_Reduce_scatter(whole + c * count_, sums.data(), sizes.data(),
                                     mpi_type<Real>(), MPI_SUM, comm_.get()));
    for (Index i = 0; i < n; ++i) local[c * ld + i] += sums[static_cast<std::size_t>(i)];
  }
}

template <class Real>
Columns<Real> make_columns(Particles const& particles, Index columns) {
  Index const rows = particles.local_count();
  double const bytes = static_cast<double>(rows * columns) * sizeof(Real);
  // An operating system gives memory that it does not have, and ends the program when it is used.
  constexpr double worth_asking = 64.0 * 1024 * 1024;
  bool const fits = bytes < worth_asking || bytes < runtime::available_memory_bytes();
  try {
    if (fits)
      return Columns<Real>(
          Kokkos::view_alloc("widelimit::interpreter::columns", Kokkos::WithoutInitializing), rows,
          columns);
  } catch (std::exception const&) {
    // said below
  }
  throw InputError(
      fmt::format("no memory for {} more columns of {} particles ({}); use fewer particles, more "
                  "ranks, a larger "
                  "job.tolerance or precision: single",
                  columns, rows, runtime::format_bytes(bytes)));
}

template void Particles::gather(float const*, Index, Index, float*) const;
template void Particles::gather(double const*, Index, Index, double*) const;
template void Particles::add_scattered(float*, Index, float*, Index) const;
template void Particles::add_scattered(double*, Index, double*, Index) const;
template Columns<float> make_columns(Particles const&, Index);
template Columns<double> make_columns(Particles const&, Index);

}  // namespace widelimit::interpreter
