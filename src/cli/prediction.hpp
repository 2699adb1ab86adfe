/// \file
/// Outputs at the test points.
#pragma once

#include "widelimit/regression/prediction_sink.hpp"

#include "cli/run_context.hpp"
#include "cli/tile_store.hpp"

namespace widelimit::cli {

/// K(test, train)·coefficients, tile by tile. Collective. Throws Stopped.
/// \param coefficients  N x columns
template <class Real>
linalg::ReplicatedMatrix predict_test(RunContext const& context, Problem<Real> const& problem,
                                      gram::Kernel kernel,
                                      linalg::ReplicatedMatrix const& coefficients) {
  Index const n_test = context.shapes.test;
  io::TileGrid const grid{n_test, context.shapes.train, context.plan.tile, io::Coverage::all};
  gram::TileEvaluator<Real> const evaluate(problem.program, *problem.test, problem.train,
                                           gram::only(kernel));
  regression::PredictionSink<Real> sink(coefficients, n_test);
  auto const schedule =
      gram::schedule<Real>(grid, context.comm.size(), nullptr, false, gram::Dealing::fixed);
  run_loop<Real>(context.comm, evaluate, grid, schedule, nullptr, nullptr, {&sink}, context.stop,
                 {.label = "predict"});
  return std::move(sink).sum(context.comm);
}

}  // namespace widelimit::cli
