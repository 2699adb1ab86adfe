/// \file
/// The kernel of the training points for jobs that multiply with it again and again.
#pragma once

#include "widelimit/regression/training_kernel.hpp"
#include "widelimit/runtime/progress.hpp"

#include "cli/run_context.hpp"

namespace widelimit::cli {

/// All entries in the memory of the ranks, or made anew in each product. Collective. `problem` must
/// outlive the kernel. Throws Stopped.
template <class Real>
std::unique_ptr<regression::TrainingKernel> make_training_kernel(RunContext& context,
                                                                 linalg::RowBlocks const& rows,
                                                                 Problem<Real> const& problem,
                                                                 gram::Kernel which, bool stored) {
  runtime::Region const region(context.timings, "gram");
  gram::PartMaker<Real> const maker{problem.program, problem.train, which};
  if (!stored) return std::make_unique<regression::RecomputedRows<Real>>(rows, maker);
  auto const n = static_cast<double>(rows.size());
  runtime::Progress progress("gram", "entries", static_cast<double>(rows.local_size()) * n);
  auto kernel = std::make_unique<regression::StoredRows<Real>>(rows, maker, [&](Index done) {
    progress.update(static_cast<double>(done) * n);
    return !context.stop.pending();
  });
  context.stop_if_asked();
  progress.finish();
  return kernel;
}

}  // namespace widelimit::cli
