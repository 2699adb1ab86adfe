/// \file
/// Compiled expressions on blocks of rows, against the same function written as one loop.
#include <vector>

#include <benchmark/benchmark.h>

#include "widelimit/program/code.hpp"

namespace widelimit::program {
namespace {

constexpr int rows = 1 << 14;  // three vectors stay in the second-level cache

template <class Real>
void compiled(benchmark::State& state, char const* text) {
  std::vector<std::string> const names{"h", "g", "c"};
  auto const code = compile<Real>(parse_expression(text, names), 2, 1);
  std::vector<Real> h(rows), g(rows), out(rows);
  for (int k = 0; k < rows; ++k) {
    h[static_cast<std::size_t>(k)] = Real(k % 200) / 40 - Real(2.5);
    g[static_cast<std::size_t>(k)] = Real(k % 77) / 70;
  }
  std::vector<Real> registers(static_cast<std::size_t>(code.n_registers * block_rows));
  Real const c = Real(0.7);
  for (auto _ : state) {
    typename Code<Real>::Uniforms uniforms;
    code.prepare(&c, uniforms);
    for (int begin = 0; begin < rows; begin += block_rows) {
      Real const* const vectors[] = {h.data() + begin, g.data() + begin};
      code.run(0, block_rows, vectors, uniforms, registers.data(), block_rows, out.data() + begin);
    }
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * rows);
}

template <class Real, class F>
void one_loop(benchmark::State& state, F const& f) {
  std::vector<Real> h(rows, Real(0.3)), g(rows, Real(0.2)), out(rows);
  for (auto _ : state) {
    kernels::detail::simd_loop(
        rows, [&, h = h.data(), g = g.data(), o = out.data()](int k) { o[k] = f(h[k], g[k]); });
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * rows);
}

/// Every function in both precisions.
bool const registered = [] {
  constexpr std::pair<char const*, char const*> functions[] = {
      {"relu_backward", "c*step(h)*g"},
      {"tanh", "tanh(h)"},
      {"tanh_backward", "c*g*(1 - tanh(h)^2)"},
      {"gelu", "gelu(h)"},
      {"erf", "erf(h)"},
      {"sin", "sin(h)"},
      {"log", "log(3 + h)"}};
  for (auto const& [name, text] : functions) {
    benchmark::RegisterBenchmark((std::string(name) + "_f64").c_str(), compiled<double>, text);
    benchmark::RegisterBenchmark((std::string(name) + "_f32").c_str(), compiled<float>, text);
  }
  return true;
}();

void tanh_backward_one_loop(benchmark::State& state) {
  one_loop<double>(state, [](double h, double g) {
    double const t = elementary::Tanh::value(h);
    return 0.7 * g * (1 - t * t);
  });
}
BENCHMARK(tanh_backward_one_loop);

}  // namespace
}  // namespace widelimit::program
