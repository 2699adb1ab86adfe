/// \file
/// Training in function space by products with the kernel: steps, differential equations, Krylov
/// spaces.
#pragma once

#include "widelimit/regression/batch_order.hpp"

#include "cli/dynamics_problem.hpp"
#include "cli/training_checkpoint.hpp"
#include "cli/trajectory.hpp"

namespace widelimit::cli {

struct IteratedOutcome {
  Trajectory trajectory;
  std::optional<double> largest_eigenvalue;  ///< of the kernel, where it was worked out
  Index steps = 0;                           ///< or products, of a Krylov space
  std::optional<double> error_bound;         ///< relative, of a Krylov space
  /// Why training ended before the last time, for people; the trajectory has what came before.
  std::string broken_off;
  std::string broken_key;  ///< of the input file, that may mend it
};

/// The training that `context.plan` chose, from `checkpoint` where --resume asks for it. Collective.
/// Throws Stopped, with the state saved.
template <class Real>
IteratedOutcome iterated_dynamics(RunContext& context, DynamicsProblem<Real> const& problem,
                                  TrainingCheckpoint* checkpoint);

/// The order of the batches of a job of type sgd. Collective. Throws InputError: a given order that
/// names points that are not there, or the same one twice in a step.
regression::BatchOrder batch_order(RunContext const& context);

}  // namespace widelimit::cli
