/// \file
/// Integer maps of a two-dimensional block-cyclic distribution. No communication, no storage.
#pragma once

#include <algorithm>

#include "widelimit/runtime/types.hpp"

namespace widelimit::linalg {

/// `size` rows (or columns) in blocks of `block`, dealt in turn to `procs` process rows (columns),
/// the first block to process 0. All members are local and O(1).
struct BlockCyclicAxis {
  Index size = 0;
  Index block = 1;
  int procs = 1;

  Index blocks() const { return (size + block - 1) / block; }
  /// The process that holds global index `global`.
  int owner(Index global) const { return static_cast<int>(global / block % procs); }
  /// Where the owner keeps global index `global`.
  Index to_local(Index global) const { return global / (block * procs) * block + global % block; }
  /// The global index that process `proc` keeps at `local`.
  Index to_global(int proc, Index local) const {
    return (local / block * procs + proc) * block + local % block;
  }
  /// How many blocks process `proc` holds, a short last one included.
  Index local_blocks(int proc) const { return (blocks() + procs - 1 - proc) / procs; }
  /// How many indices process `proc` holds (ScaLAPACK's numroc).
  Index local_count(int proc) const {
    Index const count = local_blocks(proc);
    if (count == 0) return 0;
    Index const last = (count - 1) * procs + proc;
    return (count - 1) * block + std::min(block, size - last * block);
  }
  /// Global indices of the `number`-th block of process `proc`.
  Range block_range(int proc, Index number) const {
    Index const begin = (number * procs + proc) * block;
    return {begin, std::min(size, begin + block)};
  }
  bool operator==(BlockCyclicAxis const&) const = default;
};

}  // namespace widelimit::linalg
