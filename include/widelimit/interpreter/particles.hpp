/// \file
/// How the rows of all vectors (particles, coordinates) are spread over ranks and threads.
#pragma once

#include <functional>
#include <vector>

#include <Kokkos_Core.hpp>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::interpreter {

/// Particles are cut in lanes: a power of two of contiguous ranges that depend on the number of
/// particles alone (unless there are more ranks than lanes). A rank holds whole lanes, a thread
/// works on one at a time, and sums are taken lane by lane and then over a fixed binary tree. So
/// results are the same bits for any number of threads and for any power of two of ranks.
///
/// Columns are not spread as well, over a second dimension of a grid of ranks. A product with a
/// matrix of rank r needs sums of about 3r numbers a column, whatever the number of particles; with
/// columns spread, the columns that have become part of a matrix have to be where its products are
/// taken, about 2M/P numbers each. That is less only where a rank holds fewer particles than its
/// matrices have columns (M/P < 1.5 r), and there the tolerance asks for more particles first.
class Particles {
 public:
  /// \param count  particles in all, at least one for each rank
  Particles(runtime::Communicator comm, Index count);

  runtime::Communicator const& comm() const { return comm_; }
  Index count() const { return count_; }
  /// Particles of a rank, of this rank.
  Range of(int rank) const;
  Range mine() const { return of(comm_.rank()); }
  Index local_count() const { return mine().size(); }

  /// Calls `f(slot, rows)` for each lane of this rank, in parallel over threads; `rows` counts from
  /// this rank's first particle, `slot` from this rank's first lane. BLAS calls in `f` run on one
  /// thread. Local.
  void for_each_lane(std::function<void(Index, Range)> const& f) const;
  /// Lanes of this rank.
  Index local_lanes() const { return lanes_of(comm_.rank()).size(); }
  /// Rows of one of them, counted from this rank's first particle.
  Range local_lane(Index slot) const {
    Index const lane = lanes_of(comm_.rank()).begin + slot;
    return {lane_begin(lane) - mine().begin, lane_begin(lane + 1) - mine().begin};
  }

  /// Sums over lanes and ranks: `slots` holds `length` numbers for each of this rank's lanes, and
  /// gets the sum in its first `length`, the same on all ranks. Collective.
  void sum(std::vector<double>& slots, Index length) const;

  /// All rows of columns of which each rank has its own, column-major. Collective.
  /// \param local  local_count() x columns, leading dimension ld \param whole  count() x columns
  template <class Real>
  void gather(Real const* local, Index ld, Index columns, Real* whole) const;

  /// Sums whole columns over the ranks; each gets its rows of the sums, added to `local`.
  /// Collective. \param whole  count() x columns, used as work space
  template <class Real>
  void add_scattered(Real* whole, Index columns, Real* local, Index ld) const;

 private:
  Range lanes_of(int rank) const;
  Index lane_begin(Index lane) const { return lane * count_ / lanes_; }
  template <class Real>
  std::pair<std::vector<int>, std::vector<int>> counts() const;

  runtime::Communicator comm_;
  Index count_;
  Index lanes_;
};

/// Vectors of this rank, column by column: local_count() x columns.
template <class Real>
using Columns = Kokkos::View<Real**, Kokkos::LayoutLeft, Kokkos::HostSpace>;

/// Uninitialised columns. Local. Throws InputError where memory is short.
template <class Real>
Columns<Real> make_columns(Particles const& particles, Index columns);

}  // namespace widelimit::interpreter
