#include "widelimit/program/parametrization.hpp"

#include <algorithm>
#include <cmath>

#include <spdlog/fmt/fmt.h>

namespace widelimit::program {
namespace {

/// Exponents are sums of a few decimal numbers.
constexpr double tolerance = 1e-9;

bool below(double x, double y) {
  return x < y - tolerance;
}
bool equal(double x, double y) {
  return std::fabs(x - y) <= tolerance;
}

/// Why the initial network is unstable; empty when it is not.
std::string unstable_start(Parametrization const& p) {
  for (std::size_t l = 0; l < p.kinds.size(); ++l) {
    double const sum = p.exponents[l].a + p.exponents[l].b;
    auto const number = l + 1;
    switch (p.kinds[l]) {
      case LayerKind::input:
        if (!equal(sum, 0))
          return fmt::format(
              "layer {} reads the data and has a+b = {:g} instead of 0, so that its "
              "values {} as the width grows",
              number, sum, sum < 0 ? "grow without bound" : "vanish");
        break;
      case LayerKind::hidden:
        if (!equal(sum, 0.5))
          return fmt::format(
              "layer {} has a+b = {:g} instead of 1/2, so that its values {} as the "
              "width grows",
              number, sum, sum < 0.5 ? "grow without bound" : "vanish");
        break;
      case LayerKind::readout:
        if (below(sum, 0.5))
          return fmt::format(
              "the readout has a+b = {:g}, below 1/2, so that the initial function "
              "grows without bound",
              sum);
        break;
    }
  }
  return "";
}

}  // namespace

Exponents exponents(Preset preset, LayerKind kind) {
  bool const input = kind == LayerKind::input, readout = kind == LayerKind::readout;
  switch (preset) {
    case Preset::mup:
      return {input ? -0.5 : readout ? 0.5 : 0.0, 0.5, 0};
    case Preset::ntk:
      return {input ? 0.0 : 0.5, 0, 0};
    case Preset::standard:
      return {0, input ? 0.0 : 0.5, 1};
    default:
      return {input ? 0.0 : readout ? 1.0 : 0.5, 0, -1};
  }
}

std::string_view to_string(Regime regime) {
  constexpr std::string_view names[] = {"unstable", "trivial", "kernel", "feature_learning"};
  return names[static_cast<std::size_t>(regime)];
}

Classification classify(Parametrization const& p) {
  Classification result;
  auto const& readout = p.exponents.back();
  // Backward fields are of the size n^-(this) relative to 1/n.
  double const backward = readout.a + std::min(readout.b, readout.a + readout.c);
  for (std::size_t l = 0; l + 1 < p.kinds.size(); ++l) {
    auto const& e = p.exponents[l];
    result.r_layers.push_back(backward + e.c + 2 * e.a + (p.kinds[l] == LayerKind::input ? 1 : 0) -
                              1);
  }
  result.r = *std::min_element(result.r_layers.begin(), result.r_layers.end());
  auto const unstable = [&](std::string reason) {
    result.regime = Regime::unstable;
    result.reason = std::move(reason);
    return result;
  };
  if (auto start = unstable_start(p); !start.empty()) return unstable(std::move(start));
  if (below(result.r, 0)) {
    auto const worst = std::min_element(result.r_layers.begin(), result.r_layers.end());
    return unstable(
        fmt::format("r = {:g} is below 0: the updates of layer {} change the features "
                    "by n^{:g}; raise its a or c",
                    result.r, worst - result.r_layers.begin() + 1, -result.r));
  }
  double const readout_moves = 2 * readout.a + readout.c - 1;
  double const features_move = readout.a + readout.b + result.r - 1;
  if (below(readout_moves, 0))
    return unstable(
        fmt::format("2a+c = {:g} of the readout is below 1: its updates move the "
                    "function by n^{:g}; raise its a or c",
                    readout_moves + 1, -readout_moves));
  if (below(features_move, 0))
    return unstable(
        fmt::format("a+b+r = {:g} with a and b of the readout is below 1: updates "
                    "inside move the function by n^{:g}; raise a of the readout or c",
                    features_move + 1, -features_move));
  if (!equal(readout_moves, 0) && !equal(features_move, 0)) {
    result.regime = Regime::trivial;
    result.reason = fmt::format("the function moves by n^{:g} only; lower c or a of the readout",
                                -std::min(readout_moves, features_move));
  } else if (equal(result.r, 0)) {
    result.regime = Regime::feature_learning;
    result.reason = "r = 0: features move in the limit";
  } else {
    result.regime = Regime::kernel;
    result.reason = fmt::format(
        "r = {:g} is above 0: features freeze in the limit, and the function follows a kernel",
        result.r);
  }
  return result;
}

}  // namespace widelimit::program
