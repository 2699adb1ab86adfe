/// \file
/// The functions of the jobs that their table names; see jobs.hpp for what each has to do.
#pragma once

#include "cli/jobs.hpp"
#include "cli/run_context.hpp"

namespace widelimit::cli {

/// Gram matrices into a results file, which is its own checkpoint until it is finished.
void plan_gram(PlanRequest const& request, ResourcePlan& plan);
void run_gram(RunContext& context);

/// Kernel regression.
void check_regression(InputFile const& input);
void plan_regression(PlanRequest const& request, ResourcePlan& plan);
void run_regression(RunContext& context);

/// Training in function space.
void check_dynamics(InputFile const& input);
void plan_dynamics(PlanRequest const& request, ResourcePlan& plan);
void run_dynamics(RunContext& context);

/// Leading eigenpairs of a kernel, and what they say.
void check_spectrum(InputFile const& input);
void plan_spectrum(PlanRequest const& request, ResourcePlan& plan);
void run_spectrum(RunContext& context);

/// Training of a network as a tensor program, of infinite and of finite width.
void check_program(InputFile const& input);
void plan_program(PlanRequest const& request, ResourcePlan& plan);
void run_program(RunContext& context);

}  // namespace widelimit::cli
