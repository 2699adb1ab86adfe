/// \file
/// `linalg::potrf`, and the whole of what a regression does to a kernel, against a bare call of
/// LAPACK (one rank) or ScaLAPACK (more) on the same matrix in the same run.
///
///   OMP_NUM_THREADS=2 bench_cholesky                    1 rank, 2 threads
///   OMP_NUM_THREADS=1 mpirun -n 2 bench_cholesky        2 ranks
///
/// Times are the least of the iterations, of the slowest rank; `ratio` is to the bare call.
#include <algorithm>
#include <chrono>
#include <limits>

#include <benchmark/benchmark.h>

#include "widelimit/linalg/detail/scalapack.hpp"
#include "widelimit/linalg/symmetric_factor.hpp"

namespace {

using namespace widelimit;
using linalg::DistributedMatrix;

/// Positive definite by a dominant diagonal.
void fill(DistributedMatrix<double>& a) {
  a.for_each_block(linalg::Part::all, [&](Range rows, Range cols, double* entries, Index ld) {
    for (Index j = cols.begin; j < cols.end; ++j)
      for (Index i = rows.begin; i < rows.end; ++i)
        entries[i - rows.begin + (j - cols.begin) * ld] =
            i == j ? static_cast<double>(a.rows()) : 1 / (1 + static_cast<double>(std::abs(i - j)));
  });
}

int bare_potrf(DistributedMatrix<double>& a) {
  int const n = static_cast<int>(a.rows());
  int const one = 1;
  int info = 0;
  if (a.grid().size() == 1) {
    dpotrf_("L", &n, a.data(), &n, &info, 1);
  } else {
    auto const desc = a.descriptor();
    pdpotrf_("L", &n, a.data(), &one, &one, desc.data(), &info, 1);
  }
  return info;
}

template <class F>
double seconds(runtime::Communicator const& comm, F&& f) {
  comm.barrier();
  auto const start = std::chrono::steady_clock::now();
  f();
  std::chrono::duration<double> const passed = std::chrono::steady_clock::now() - start;
  return comm.max(passed.count());
}

/// Times `f(matrix)` and the bare call in turn.
template <class F>
void compare(benchmark::State& state, F&& f) {
  linalg::ProcessGrid const grid(runtime::Communicator::world());
  double const n = static_cast<double>(state.range(0));
  double best = std::numeric_limits<double>::infinity();
  double best_bare = best;
  for (auto _ : state) {
    DistributedMatrix<double> bare(grid, state.range(0), state.range(0), state.range(1));
    fill(bare);
    best_bare = std::min(best_bare, seconds(grid.comm(), [&] {
                           if (bare_potrf(bare) != 0) state.SkipWithError("bare potrf failed");
                         }));
    DistributedMatrix<double> ours(grid, state.range(0), state.range(0), state.range(1));
    fill(ours);
    double const time = seconds(grid.comm(), [&] {
      if (!f(std::move(ours))) state.SkipWithError("potrf failed");
    });
    best = std::min(best, time);
    state.SetIterationTime(time);
  }
  state.counters["best_s"] = best;
  state.counters["bare_s"] = best_bare;
  state.counters["ratio"] = best / best_bare;
  state.counters["GFLOP/s"] = n * n * n / 3e9 / best;
}

void potrf(benchmark::State& state) {
  compare(state, [](DistributedMatrix<double> a) { return linalg::potrf(a).ok(); });
}

/// With the mirrored original kept beside the factor.
void symmetric_factor(benchmark::State& state) {
  compare(state, [](DistributedMatrix<double> a) {
    return linalg::SymmetricFactor<double>(std::move(a)).factorize(1).ok();
  });
}

BENCHMARK(potrf)
    ->ArgNames({"size", "block"})
    ->ArgsProduct({{1024, 2048, 4096}, {linalg::default_block}})
    ->ArgsProduct({{4096}, {64, 192, 256, 512}})
    ->Iterations(5)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(symmetric_factor)
    ->ArgNames({"size", "block"})
    ->ArgsProduct({{1024, 2048, 4096}, {linalg::default_block}})
    ->Iterations(5)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
