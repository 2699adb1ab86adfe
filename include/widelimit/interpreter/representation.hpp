/// \file
/// How a program's matrices are represented on particles, and what that takes.
#pragma once

#include <cstdint>

#include "widelimit/interpreter/particle_space.hpp"
#include "widelimit/program/program.hpp"

namespace widelimit::interpreter {

enum class Representation {
  automatic,    ///< conditioned where a run needs few columns for its particles, else dense
  conditioned,  ///< see make_conditioned
  dense         ///< see make_dense
};

struct ExecutorOptions {
  Index particles = 0;
  Representation representation = Representation::automatic;
  double tolerance = 1e-6;  ///< of conditioned matrices
  MomentMatching matching = MomentMatching::on;
  /// Whether an average that vanishes in the limit, since one factor is a Gaussian vector that the
  /// other does not depend on, is zero from the start: outputs of a readout that is not trained
  /// yet. Costs one forward pass.
  bool exact_zeros = true;
  std::uint64_t seed = 0;
  Index steps = 0;  ///< that will be run, for the choice of a representation
};

/// Directions that a conditioned matrix keeps on the right and on the left.
struct Ranks {
  Index right = 0, left = 0;
};
/// What `steps` steps bring at most, as columns of products with `matrix` and those like it. Local.
Ranks rank_bounds(program::Program const& program, program::Id matrix, Index steps);
/// What can be expected: features move slowly, so that the columns of late steps lie among those of
/// early ones. Of the first 20 steps all are counted. Local.
Ranks rank_estimate(program::Program const& program, program::Id matrix, Index steps);
/// What `automatic` chooses where so many directions are expected. Local.
Representation choose(Ranks expected, Index particles);

/// Numbers that a run keeps in memory for each particle: vectors, and matrices as they are expected
/// to be. Local.
double columns_in_memory(program::Program const& program, ExecutorOptions const& options);

}  // namespace widelimit::interpreter
