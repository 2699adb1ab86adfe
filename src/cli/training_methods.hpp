/// \file
/// The ways of training in function space by products with the kernel, one source file each.
#pragma once

#include "widelimit/regression/loss.hpp"
#include "widelimit/regression/training_kernel.hpp"

#include "cli/iterated_dynamics.hpp"
#include "cli/training_recorder.hpp"

namespace widelimit::cli {

/// What all ways are given, and where they say how they ended. Columns are this rank's rows.
struct IteratedRun {
  RunContext& context;
  TrainingRecorder& recorder;
  regression::TrainingKernel const& kernel;
  linalg::RowBlocks rows;
  Index outputs;
  std::vector<double> f0, y;
  regression::Loss loss = regression::Loss::squared;
  double loss_scale = 1, ridge = 0;  ///< as in DynamicsProblem
  double mean_diagonal = 0;          ///< of the kernel
  IteratedOutcome outcome;           ///< all but the trajectory, which the recorder has

  DynamicsOptions const& job() const { return std::get<DynamicsOptions>(context.input.job); }
  std::function<bool()> go_on() const {
    return [&stop = context.stop] { return !stop.pending(); };
  }
};

/// Gradient descent or SGD, step by step. Collective, as all here; they throw Stopped.
void train_in_steps(IteratedRun& run);
/// Flow by an adaptive solver of its differential equation.
void train_by_equation(IteratedRun& run);
/// Flow on the squared error by Krylov spaces.
void train_by_krylov(IteratedRun& run);

}  // namespace widelimit::cli
