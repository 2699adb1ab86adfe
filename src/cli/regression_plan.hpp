/// \file
/// How a regression is solved, and what that needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "widelimit/cli/input_file.hpp"

#include "cli/memory_item.hpp"
#include "cli/problem.hpp"

namespace widelimit::cli {

/// What is chosen where the input file leaves it to the program, and estimates for it.
struct RegressionPlan {
  RegressionOptions::Solver solver = RegressionOptions::Solver::cholesky;  ///< never automatic
  RegressionOptions::Gram gram = RegressionOptions::Gram::stored;          ///< never automatic
  bool remainders = false;         ///< kept beside a kernel stored in single precision
  Index preconditioner_rank = 0;   ///< 0: none
  Index preconditioner_block = 0;  ///< 0: none
  double kernels = 1;              ///< evaluated together in a tile
  std::vector<MemoryItem> memory;  ///< of one rank
  double disk_bytes = 0;           ///< of the checkpoint
  double gram_entries = 0;       ///< evaluated by all ranks together; of pcg, beside the iterations
  double solve_flops = 0;        ///< of the factorisation, or of an iteration
  double iteration_entries = 0;  ///< evaluated in each iteration
  std::string alternatives;      ///< what the other ways would take, for people
};

/// Chooses: Cholesky where N is moderate and it fits into `free_bytes` a rank, else conjugate
/// gradients; its kernel stored where that fits, else recomputed (a kernel in a file is chosen by the
/// user alone, who knows how fast the disk is). Local; the same on all ranks for
/// equal arguments.
/// Throws InputError: a rank of the preconditioner above N, a tolerance below what the precision
/// reaches, a posterior that a solver does not give.
RegressionPlan choose_regression(InputFile const& input, DataShapes const& shapes, Index tile,
                                 int ranks, double free_bytes);

/// The word of the input file for a way to keep the kernel.
std::string_view name_of(RegressionOptions::Gram gram);

/// Test points whose variances conjugate gradients solve for at once: fewer the longer the vectors.
Index posterior_block(Index points);

}  // namespace widelimit::cli
