/// \file
/// Blocks of columns whose rows are spread over the ranks.
#pragma once

#include <algorithm>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::linalg {

/// Rank r holds the rows [r·share, (r+1)·share) of n, share = ⌈n/ranks⌉; the last ranks may hold
/// fewer or none. Columns are column-major: a rank's with as many rows as it holds, whole ones with
/// n rows.
class RowBlocks {
 public:
  RowBlocks(runtime::Communicator comm, Index n)
      : comm_(std::move(comm)), n_(n), share_((n + comm_.size() - 1) / comm_.size()) {}

  runtime::Communicator const& comm() const { return comm_; }
  Index size() const { return n_; }
  Range of(int rank) const {
    return {std::min(n_, rank * share_), std::min(n_, (rank + 1) * share_)};
  }
  Range mine() const { return of(comm_.rank()); }
  Index local_size() const { return mine().size(); }

  /// All rows of columns of which each rank has its own. Collective, n·columns numbers travel.
  /// \param local  local_size() x columns
  /// \param whole  n x columns
  void gather(double const* local, Index columns, double* whole) const;

  /// Sums whole columns over the ranks; each gets its rows of the sums. Collective, n·columns
  /// numbers travel. \param whole  n x columns; \param local  local_size() x columns
  void sum_scatter(double const* whole, Index columns, double* local) const;

  /// Dot products of columns with columns, the same bits on all ranks. Collective.
  /// \param a, b  local_size() x columns
  std::vector<double> dots(double const* a, double const* b, Index columns) const;

  /// AᵀB of k and l columns, k x l, column-major, the same bits on all ranks. Collective.
  /// \param a, b  local_size() x k, x l
  std::vector<double> products(double const* a, Index k, double const* b, Index l) const;

 private:
  /// Rows of every rank, and the first of them, as MPI wants them.
  std::pair<std::vector<int>, std::vector<int>> counts() const;

  runtime::Communicator comm_;
  Index n_;
  Index share_;
};

}  // namespace widelimit::linalg
