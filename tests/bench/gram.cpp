/// \file
/// Speed of Gram tiles: the whole evaluation against the bare SYRK of the same size, and the layer
/// stack alone for every activation. Counters: seconds per entry (and layer), GFLOP/s of the
/// product.
#include <cstdlib>
#include <memory>
#include <random>

#include <Kokkos_Core.hpp>
#include <benchmark/benchmark.h>
#include <cblas.h>

#include "widelimit/gram/tile_evaluator.hpp"
#include "widelimit/io/tile_grid.hpp"
#include "widelimit/runtime/memory.hpp"

namespace {

using namespace widelimit;

template <class Real>
std::vector<Real> random_inputs(Index n, Index d) {
  std::mt19937_64 engine(7);
  std::normal_distribution<double> normal;
  std::vector<Real> x(static_cast<std::size_t>(n * d));
  for (Real& value : x) value = static_cast<Real>(normal(engine));
  return x;
}

network::Sequence stack(network::Activation const& function, int layers) {
  network::Sequence network;
  for (int k = 0; k < layers; ++k) {
    network.push_back({network::Dense{std::sqrt(2.0), 0}, "dense", 0});
    network.push_back({function, "activation", 0});
  }
  network.push_back({network::Dense{}, "dense", 0});
  return network;
}

/// The NTK of one data set of 784 features: the tiles on and below the diagonal of an N x N matrix
/// in memory, which is what SYRK writes.
void whole_gram(benchmark::State& state, Index n, Index tile) {
  Index const d = 784;
  auto points = gram::prepare_points(random_inputs<float>(n, d), n, d);
  auto const program = gram::bind(gram::compile(stack(network::AbRelu{}, 3)), std::vector{&points});
  gram::TileEvaluator<float> const evaluate(program, points, points, gram::Output::ntk,
                                            gram::DiagonalTiles::lower);
  io::TileGrid const grid{n, n, tile, io::Coverage::lower};
  std::vector<float> matrix(static_cast<std::size_t>(n * n));
  for (auto _ : state) {
    for (Index number = 0; number < grid.count(); ++number) {
      Range const rows = grid.row_range(grid.id(number)), cols = grid.col_range(grid.id(number));
      evaluate(rows, cols, nullptr, matrix.data() + rows.begin * n + cols.begin, n);
    }
  }
  state.counters["entry_s"] =
      benchmark::Counter(static_cast<double>(n * n), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}

void multiply_by_transposed(std::vector<float> const& x, Index n, Index d, float* c) {
  cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, static_cast<int>(n), static_cast<int>(d), 1,
              x.data(), static_cast<int>(d), 0, c, static_cast<int>(n));
}

void count_flops(benchmark::State& state, Index n, Index d) {
  state.counters["flop/s"] = benchmark::Counter(static_cast<double>(n * n * d),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

void syrk(benchmark::State& state, Index n) {
  Index const d = 784;
  auto const x = random_inputs<float>(n, d);
  std::vector<float> c(static_cast<std::size_t>(n * n));
  for (auto _ : state) multiply_by_transposed(x, n, d, c.data());
  count_flops(state, n, d);
}

/// As a program meets it that multiplies once: what the system takes to give it the pages counts.
void syrk_into_new_memory(benchmark::State& state, Index n) {
  Index const d = 784;
  auto const x = random_inputs<float>(n, d);
  std::size_t const bytes = static_cast<std::size_t>(n * n) * sizeof(float);
  for (auto _ : state) {
    std::unique_ptr<void, void (*)(void*)> const c(std::malloc(bytes), std::free);
    if (c == nullptr) return state.SkipWithError("not enough memory");
    runtime::prefer_large_pages(c.get(), bytes);
    multiply_by_transposed(x, n, d, static_cast<float*>(c.get()));
  }
  count_flops(state, n, d);
}

/// With one input coordinate the product costs next to nothing.
template <class Real>
void epilogue(benchmark::State& state, network::Activation const& function) {
  // hermite raises the correlation to a power at every layer: many layers would only time denormal
  // numbers
  int const layers = std::holds_alternative<network::Hermite>(function) ? 2 : 10;
  constexpr Index n = 1024, d = 8;
  auto rows = gram::prepare_points(random_inputs<Real>(n, d), n, d);
  auto cols = gram::prepare_points(random_inputs<Real>(2 * n, d), n, d);
  // hermite wants unit variance; the others take it as well
  network::Sequence network;
  for (int k = 0; k < layers; ++k) {
    network.push_back({network::Dense{}, "dense", 0});
    network.push_back({network::LayerNorm{}, "layer_norm", 0});
    network.push_back({function, "activation", 0});
  }
  network.push_back({network::Dense{}, "dense", 0});
  gram::TileEvaluator<Real> const evaluate(
      gram::bind(gram::compile(network), std::vector{&rows, &cols}), rows, cols, gram::Output::ntk);
  std::vector<Real> tile(static_cast<std::size_t>(n * n));
  for (auto _ : state) evaluate({0, n}, {0, n}, nullptr, tile.data(), n);
  state.counters["entry_layer_s"] = benchmark::Counter(
      static_cast<double>(n * n * layers),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

struct Named {
  char const* name;
  network::Activation function;
};

std::vector<Named> activations() {
  using namespace network;
  return {{"relu", AbRelu{}},
          {"leaky_relu", AbRelu{0.01, 1}},
          {"erf", Erf{}},
          {"gelu", Gelu{}},
          {"sin", Sin{}},
          {"cos", Cos{}},
          {"rbf", Rbf{}},
          {"sign", Sign{}},
          {"exp", Exp{}},
          {"gaussian", Gaussian{}},
          {"exp_normalized", ExpNormalized{}},
          {"gabor", Gabor{}},
          {"monomial_5", Monomial{5}},
          {"rectified_monomial_5", RectifiedMonomial{5}},
          {"polynomial_3", Polynomial{{0.3, 1.0, -0.2, 0.1}}},
          {"hermite_3", Hermite{3}},
          {"numerical_tanh_auto", Numerical{NumericalFunction::tanh, Numerical::automatic}},
          {"numerical_selu_auto", Numerical{NumericalFunction::selu, Numerical::automatic}},
          {"numerical_tanh_25", Numerical{NumericalFunction::tanh, 25}}};
}

bool register_all() {
  for (auto const& [name, function] : activations()) {
    bool const slow = std::string(name) == "numerical_tanh_25";
    auto const add = [&](std::string const& label, auto&& run) {
      auto* bench = benchmark::RegisterBenchmark(label.c_str(), run)
                        ->UseRealTime()
                        ->Unit(benchmark::kMillisecond);
      if (slow) bench->Iterations(1);
    };
    add(std::string("epilogue_f32/") + name,
        [f = function](benchmark::State& s) { epilogue<float>(s, f); });
    add(std::string("epilogue_f64/") + name,
        [f = function](benchmark::State& s) { epilogue<double>(s, f); });
  }
  auto const whole = [](std::string const& label, auto&& run) {
    benchmark::RegisterBenchmark(label.c_str(), run)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  for (Index const n : {4096, 8192}) {
    std::string const size = std::to_string(n);
    whole("syrk_f32_" + size, [n](benchmark::State& s) { syrk(s, n); });
    whole("gram_relu3_f32_" + size + "/ours", [n](benchmark::State& s) { whole_gram(s, n, 2048); });
  }
  benchmark::RegisterBenchmark("syrk_f32_60000/new_memory",  // 14 GiB
                               [](benchmark::State& s) { syrk_into_new_memory(s, 60000); })
      ->UseRealTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  for (Index const tile : {512, 1024}) {
    whole("gram_relu3_f32_8192/tile:" + std::to_string(tile),
          [tile](benchmark::State& s) { whole_gram(s, 8192, tile); });
  }
  return true;
}

bool const registered = register_all();

}  // namespace
