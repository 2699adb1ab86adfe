/// \file
/// Speed of Gram tiles of images and sequences: convolution stacks, Myrtle networks, a residual
/// network and attention. Counters: seconds per entry; the flops of the plan, which `widelimit check`
/// prints, a second, and as a part of what the vector units reach in the same run.
#include <cmath>
#include <random>

#include <benchmark/benchmark.h>

#include "widelimit/gram/tile_evaluator.hpp"

#include "vector_peak.hpp"

namespace {

using namespace widelimit;
using network::Layer;
using network::Sequence;

Layer conv() {
  network::Conv conv;
  conv.filter = {3};
  conv.padding = network::Padding::same;
  conv.w_std = std::sqrt(2.0);
  return {conv, "conv", 0};
}
Layer relu() {
  return {network::AbRelu{}, "relu", 0};
}
Layer dense() {
  return {network::Dense{}, "dense", 0};
}
Layer halve() {
  network::Pool pool;
  pool.window = {2};
  pool.strides = {2};
  return {pool, "avg_pool", 0};
}
Layer global_average() {
  return {network::GlobalPool{}, "global_avg_pool", 0};
}

void add_blocks(Sequence& network, int blocks) {
  for (int k = 0; k < blocks; ++k) {
    network.push_back(conv());
    network.push_back(relu());
  }
}

Sequence stack(Layer const& readout) {
  Sequence network;
  add_blocks(network, 21);
  network.push_back(readout);
  network.push_back(dense());
  return network;
}

/// Blocks of convolutions before each of the pools; the last two pools stand together.
Sequence myrtle(std::vector<int> const& blocks) {
  Sequence network;
  for (int const count : blocks) {
    add_blocks(network, count);
    network.push_back(halve());
  }
  network.push_back(global_average());
  network.push_back(dense());
  return network;
}

Sequence residual_network() {
  Sequence network{conv()};
  for (int k = 0; k < 4; ++k) {
    Sequence inner{{network::LayerNorm{}, "layer_norm", 0}, relu(), conv(),
                   {network::LayerNorm{}, "layer_norm", 0}, relu(), conv()};
    network.push_back({network::Residual{std::move(inner)}, "residual", 0});
  }
  network.push_back({network::LayerNorm{}, "layer_norm", 0});
  network.push_back(relu());
  network.push_back(global_average());
  network.push_back(dense());
  return network;
}

Sequence attention() {
  network::Attention layer;
  layer.mechanism = network::Attention::Mechanism::identity;
  Sequence network{dense()};
  for (int k = 0; k < 2; ++k) {
    network.push_back({layer, "global_self_attention", 0});
    network.push_back(relu());
    network.push_back(dense());
  }
  network.push_back(global_average());
  network.push_back(dense());
  return network;
}

template <class Real>
void gram_tile(benchmark::State& state, Sequence const& network, network::InputShape const& shape,
               Index rows, Index cols) {
  Index d = shape.channels;
  for (Index const n : shape.positions) d *= n;
  auto const points = [&](Index n, unsigned seed) {
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    std::vector<Real> x(static_cast<std::size_t>(n * d));
    for (Real& value : x) value = static_cast<Real>(normal(engine));
    return gram::prepare_points(x, n, d);
  };
  auto a = points(rows, 1), b = points(cols, 2);
  auto const plan = gram::compile(network, shape);
  auto const program = gram::bind(plan, std::vector{&a, &b});
  gram::TileEvaluator<Real> const evaluate(program, a, b, gram::Output::ntk);
  std::vector<Real> tile(static_cast<std::size_t>(rows * cols));
  for (auto _ : state) evaluate({0, rows}, {0, cols}, nullptr, tile.data(), cols);
  auto const entries = static_cast<double>(rows * cols);
  auto const rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["entry_s"] = benchmark::Counter(entries, rate | benchmark::Counter::kInvert);
  double const flops = entries * gram::flops_per_entry(plan);
  state.counters["flop/s"] = benchmark::Counter(flops, rate);
  static double const peak = bench::vector_peak<Real>();
  state.counters["part_of_vector_peak"] = benchmark::Counter(flops / peak, rate);
}

bool register_all() {
  auto const add = [](std::string const& name, auto&& run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  network::InputShape const image{{32, 32}, 3, {}}, small{{8, 8}, 3, {}}, sequence{{64}, 32, {}};
  auto const both = [&](std::string const& name, Sequence const& network,
                        network::InputShape const& shape, Index rows, Index cols) {
    add(name + "/f32",
        [=](benchmark::State& s) { gram_tile<float>(s, network, shape, rows, cols); });
    add(name + "/f64",
        [=](benchmark::State& s) { gram_tile<double>(s, network, shape, rows, cols); });
  };
  both("small_gap_8x8", stack(global_average()), small, 16, 64);
  both("conv21_flatten_32x32", stack({network::Flatten{}, "flatten", 0}), image, 256, 256);
  both("conv21_gap_32x32", stack(global_average()), image, 8, 16);
  both("myrtle5_32x32", myrtle({2, 1, 1, 0}), image, 8, 16);
  both("myrtle10_32x32", myrtle({3, 3, 3, 0}), image, 8, 16);
  both("resnet_layer_norm_32x32", residual_network(), image, 8, 16);
  both("attention_64", attention(), sequence, 64, 128);
  return true;
}

bool const registered = register_all();

}  // namespace
