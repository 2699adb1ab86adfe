/// \file
/// Uses an installed widelimit: the kernels of three points.
#include <cmath>
#include <cstdio>
#include <numbers>

#include <widelimit/gram/tile_evaluator.hpp>
#include <widelimit/runtime/environment.hpp>

int main(int argc, char** argv) {
  using namespace widelimit;
  runtime::Environment const environment(argc, argv);
  network::Sequence const network{{network::Dense{}, "dense"},
                                  {network::Activation{network::AbRelu{}}, "relu"},
                                  {network::Dense{}, "dense"}};
  auto points = gram::prepare_points(std::vector<double>{1, 0, 0, 1, 1, 1}, 3, 2);
  auto const program = gram::bind(gram::compile(network), std::vector{&points});
  std::vector<double> nngp(9), ntk(9);
  gram::TileEvaluator<double> const evaluate(program, points, points, gram::Output::both);
  evaluate({0, 3}, {0, 3}, nngp.data(), ntk.data(), 3);
  for (int i = 0; i < 9; ++i) std::printf("%8.5f %8.5f\n", nngp[i], ntk[i]);
  // Points with |x|²/2 = 1/2 at a right angle: K = (1/2)/(2π), and Θ adds K(input)/4 = 0.
  double const expected = 0.25 / std::numbers::pi;
  return std::abs(nngp[1] - expected) < 1e-15 && std::abs(ntk[1] - expected) < 1e-15 ? 0 : 1;
}
