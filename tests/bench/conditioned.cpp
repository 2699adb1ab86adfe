/// \file
/// Products with conditioned matrices, as a part of what the same products of matrices reach.
#include <chrono>
#include <type_traits>
#include <vector>

#include <benchmark/benchmark.h>
#include <cblas.h>

#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/interpreter/weights.hpp"

namespace {

using namespace widelimit;
using namespace widelimit::interpreter;

void gemm(bool transpose, Index m, Index n, Index k, double const* a, double const* b, double* c) {
  cblas_dgemm(CblasColMajor, transpose ? CblasTrans : CblasNoTrans, CblasNoTrans,
              static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1, a,
              static_cast<int>(transpose ? k : m), b, static_cast<int>(k), 0, c,
              static_cast<int>(m));
}
void gemm(bool transpose, Index m, Index n, Index k, float const* a, float const* b, float* c) {
  cblas_sgemm(CblasColMajor, transpose ? CblasTrans : CblasNoTrans, CblasNoTrans,
              static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1, a,
              static_cast<int>(transpose ? k : m), b, static_cast<int>(k), 0, c,
              static_cast<int>(m));
}

/// Flops a second of a square product.
template <class Real>
double peak() {
  constexpr Index n = 1024;
  std::vector<Real> const a(n * n, Real{1}), b(n * n, Real{1});
  std::vector<Real> c(n * n);
  double best = 0;
  for (int k = 0; k < 6; ++k) {
    auto const start = std::chrono::steady_clock::now();
    gemm(false, n, n, n, a.data(), b.data(), c.data());
    double const seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * n * n * n / seconds);
  }
  return best;
}

/// Flops a second of BᵀX, and of B·S for the other three fifths, as a plain program makes them.
template <class Real>
double same_shapes(Index particles, Index rank, Index columns) {
  std::vector<Real> const b(static_cast<std::size_t>(particles * rank), Real{1});
  std::vector<Real> x(static_cast<std::size_t>(particles * columns), Real{1});
  std::vector<Real> s(static_cast<std::size_t>(rank * columns));
  double best = 0;
  for (int k = 0; k < 4; ++k) {
    auto const start = std::chrono::steady_clock::now();
    for (int pass = 0; pass < 2; ++pass)
      gemm(true, rank, columns, particles, b.data(), x.data(), s.data());
    for (int pass = 0; pass < 3; ++pass)
      gemm(false, particles, columns, rank, b.data(), s.data(), x.data());
    double const seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 10.0 * static_cast<double>(particles * rank * columns) / seconds);
  }
  return best;
}

/// W·X with X among the `rank` directions that are known: two projections and two combinations. In
/// double one of the projections tells that nothing is missing.
template <class Real>
void apply(benchmark::State& state) {
  Index const rank = state.range(0), columns = state.range(1), particles = 20000;
  Particles const rows(runtime::Communicator::world(), particles);
  auto const space = [&] {
    return std::make_shared<ParticleSpace<Real>>(rows, 1, MomentMatching::off);
  };
  auto const right = space(), left = space();
  auto const w = make_conditioned<Real>({right, left, 1, 1, 1, 10}, 1e-4);
  auto const gaussian = [&](std::uint32_t object, Index count) {
    auto const x = make_columns<Real>(rows, count);
    fill_gaussian(2, object, rows.mine(), {0, count}, x.data(), rows.local_count());
    return x;
  };
  auto const x = gaussian(0, rank), y = gaussian(1, rank);
  w->apply(0, false, {x}, make_columns<Real>(rows, rank));
  w->apply(0, true, {y}, make_columns<Real>(rows, rank));
  Columns<Real> const some = Kokkos::subview(x, Kokkos::ALL, std::pair<Index, Index>(0, columns));
  auto const out = make_columns<Real>(rows, columns);
  double const reached = peak<Real>();
  double seconds = 0;
  for (auto _ : state) {
    auto const start = std::chrono::steady_clock::now();
    w->apply(0, false, {some}, out);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  // QᵀX; in single X - QS and QᵀX again; G·S and P·S.
  double const each = std::is_same_v<Real, float> ? 10 : 6;
  double const flops = each * static_cast<double>(particles * rank * columns);
  double const rate = flops * static_cast<double>(state.iterations()) / seconds;
  state.counters["GFLOP/s"] = rate / 1e9;
  state.counters["part_of_gemm"] = rate / reached;
  state.counters["to_gemm_of_same_shapes"] = rate / same_shapes<Real>(particles, rank, columns);
}

BENCHMARK(apply<double>)
    ->Name("conditioned_f64")
    ->ArgsProduct({{128, 256, 512}, {8, 32, 128}})
    ->UseRealTime();
BENCHMARK(apply<float>)
    ->Name("conditioned_f32")
    ->ArgsProduct({{128, 256, 512}, {8, 32, 128}})
    ->UseRealTime();

}  // namespace
