/// \file
/// What a run will need: tile size, memory, disk, floating-point operations.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "widelimit/gram/plan.hpp"
#include "widelimit/runtime/communicator.hpp"

#include "cli/dynamics_plan.hpp"
#include "cli/problem.hpp"
#include "cli/regression_plan.hpp"
#include "cli/spectrum_plan.hpp"

namespace widelimit::cli {

/// Estimates made before anything is computed.
struct ResourcePlan {
  Index tile = 0;
  std::vector<MemoryItem> memory;  ///< of one rank, at the peak
  double memory_limit = 0;         ///< of one rank
  std::string limit_from;          ///< what set it
  double disk_bytes = 0;           ///< results and checkpoint
  double gram_entries = 0;         ///< evaluated by all ranks together; 0: no Gram matrix
  double iteration_entries = 0;    ///< evaluated in each iteration of a solver, beside those
  double product_flops = 0;        ///< of the input products of all those
  double solve_flops = 0;          ///< of the factorisation and the solves, or of an iteration
  std::string description;         ///< what the job chose, for people: whole lines
  std::string less_memory;         ///< what of the job's own keys would need less memory
  /// What the job chose, for its driver.
  std::variant<std::monostate, RegressionPlan, DynamicsPlan, SpectrumPlan> choice;

  double memory_bytes() const;
};

struct PlanRequest;

/// Adds what every job with kernels keeps: the inputs, the coefficients of the layers, and tiles
/// under way of `kernels` kernels that are evaluated together.
void plan_kernels(PlanRequest const& request, double kernels, ResourcePlan& plan);

/// Points on each side of a tile when the user leaves it open: a multiple of the solver's block
/// that gives small problems a few tiles to share; smaller ones where entries over positions take
/// long. It does not depend on the number of ranks, so neither do the results.
Index automatic_tile(Index points, bool positions = false);

/// The plan of the job of `input`. Collective.
ResourcePlan plan_resources(runtime::Communicator const& comm, InputFile const& input,
                            DataShapes const& shapes);

/// Throws InputError, with the numbers and what to change, when the plan needs more memory than
/// there is.
void require_memory(InputFile const& input, ResourcePlan const& plan, int ranks);

/// The plan for people.
std::string describe(ResourcePlan const& plan, int ranks);

}  // namespace widelimit::cli
