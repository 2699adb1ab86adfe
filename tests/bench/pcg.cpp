/// \file
/// Speed of one product of the kernel with a block of columns, kept or made anew, against the
/// evaluation of half the kernel matrix that it rests on, and of the low-rank preconditioner.
/// Processor time counts where the machine is shared: set OMP_NUM_THREADS=1.
#include <random>

#include <benchmark/benchmark.h>

#include "widelimit/regression/kernel_operator.hpp"
#include "widelimit/regression/preconditioner.hpp"

namespace {

using namespace widelimit;
using linalg::RowBlocks;

/// Points of a network of three hidden relu layers.
template <class Real>
struct Problem {
  Problem(Index n, Index d) {
    std::mt19937_64 engine(7);
    std::normal_distribution<double> normal;
    std::vector<Real> x(static_cast<std::size_t>(n * d));
    for (Real& value : x) value = static_cast<Real>(normal(engine));
    points = gram::prepare_points(x, n, d);
    network::Sequence network;
    for (int k = 0; k < 3; ++k) {
      network.push_back({network::Dense{std::sqrt(2.0), 0}, "dense", 0});
      network.push_back({network::AbRelu{}, "relu", 0});
    }
    network.push_back({network::Dense{}, "dense", 0});
    program = gram::bind(gram::compile(network), std::vector{&points});
  }
  gram::TileEvaluator<Real> evaluator() const {
    return {program, points, points, gram::Output::ntk, gram::DiagonalTiles::lower};
  }
  RowBlocks rows() const { return {runtime::Communicator::world(), points.n}; }

  gram::Points<Real> points;
  gram::BoundProgram<Real> program;
};

void count_entries(benchmark::State& state, Index n) {
  state.counters["entry_s"] = benchmark::Counter(
      static_cast<double>(n * (n + 1) / 2),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// Half of the kernel, tile by tile into the same memory: what a product cannot be faster than.
template <class Real>
void evaluate(benchmark::State& state) {
  Index const n = state.range(0), tile = gram::part_side<Real>;  // the quickest
  Problem<Real> const problem(n, state.range(1));
  auto const run = problem.evaluator();
  io::TileGrid const grid{n, n, tile, io::Coverage::lower};
  std::vector<Real> memory(static_cast<std::size_t>(tile * tile));
  for (auto _ : state) {
    for (Index k = 0; k < grid.count(); ++k)
      run(grid.row_range(grid.id(k)), grid.col_range(grid.id(k)), nullptr, memory.data(), tile);
  }
  count_entries(state, n);
}

template <class Real>
void multiply(benchmark::State& state, regression::KernelOperator const& kernel) {
  Index const columns = state.range(2);
  std::vector<double> const x(static_cast<std::size_t>(kernel.rows().local_size() * columns), 1);
  auto y = x;
  for (auto _ : state)
    kernel.multiply(
        x.data(), columns, y.data(), [] { return true; }, gram::PartSums::working);
  count_entries(state, kernel.rows().size());
}

template <class Real>
void recomputed(benchmark::State& state) {
  Problem<Real> const problem(state.range(0), state.range(1));
  regression::RecomputedKernel<Real> const kernel(
      problem.rows(), {problem.program, problem.points, gram::Kernel::ntk});
  multiply<Real>(state, kernel);
}

template <class Real>
void stored(benchmark::State& state) {
  Problem<Real> const problem(state.range(0), 8);
  regression::StoredKernel<Real> kernel(problem.rows(), gram::Kernel::ntk);
  io::TileGrid const grid{problem.points.n, problem.points.n, 1024, io::Coverage::lower};
  auto const& comm = kernel.rows().comm();
  auto const schedule =
      gram::schedule<Real>(grid, comm.size(), nullptr, true, gram::Dealing::fixed);
  runtime::StopRequest const stop;
  gram::for_each_tile<Real>(comm, problem.evaluator(), grid, schedule, nullptr, {&kernel}, stop);
  multiply<Real>(state, kernel);
}

template <class Real>
void precondition(benchmark::State& state) {
  Index const n = state.range(0), rank = state.range(1), columns = state.range(2);
  Problem<Real> const problem(n, 94);
  regression::EvaluatedColumns<Real> const source(problem.program, problem.points,
                                                  gram::Kernel::ntk);
  regression::LowRankPreconditioner<Real> const m(
      problem.rows(), regression::nystrom(problem.rows(), source, rank), 0, source.diagonal(0));
  std::vector<double> const r(static_cast<std::size_t>(problem.rows().local_size() * columns), 1);
  auto z = r;
  for (auto _ : state) m.apply(r.data(), columns, z.data());
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"n", "d", "columns"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (Index const d : {94, 784})
    for (Index const columns : {1, 10}) bench->Args({8192, d, columns});
  bench->Args({1024, 94, 10});
}

void large(benchmark::internal::Benchmark* bench) {
  bench->Args({100000, 94, 1});
}

BENCHMARK(evaluate<float>)->Name("evaluate_f32")->Apply(sizes)->Apply(large);
BENCHMARK(recomputed<float>)->Name("recomputed_f32")->Apply(sizes)->Apply(large);
BENCHMARK(recomputed<double>)->Name("recomputed_f64")->Apply(sizes);
BENCHMARK(stored<float>)->Name("stored_f32")->Apply(sizes);
BENCHMARK(stored<double>)->Name("stored_f64")->Apply(sizes);
BENCHMARK(precondition<float>)
    ->Name("precondition_f32")
    ->ArgNames({"n", "rank", "columns"})
    ->Args({8192, 1000, 10})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
