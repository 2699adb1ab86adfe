#include "widelimit/kernels/kinked.hpp"

#include <cmath>
#include <numbers>

namespace widelimit::kernels {

UnitRule gauss_legendre(int n) {
  UnitRule rule{std::vector<double>(n), std::vector<double>(n)};
  for (int k = 0; k < n; ++k) {
    double x = -std::cos(std::numbers::pi * (k + 0.75) / (n + 0.5)), slope = 1;
    for (int step = 0; step < 6; ++step) {  // Newton's method converges from this guess
      double before = 1, at = x;
      for (int m = 2; m <= n; ++m) {
        double const next = ((2 * m - 1) * x * at - (m - 1) * before) / m;
        before = at;
        at = next;
      }
      slope = n * (x * at - before) / (x * x - 1);
      x -= at / slope;
    }
    rule.nodes[k] = (1 + x) / 2;
    rule.weights[k] = 1 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

KinkedSums<double> kinked_pair(network::NumericalFunction fn, UnitRule const& rule,
                               Entry<double> const& in, double r, double r_col) {
  KinkedFunction<double> const f(fn);
  Angle<double> const angle(in);
  KinkedSums<double> sums{0, 0};
  for (std::size_t k = 0; k < rule.nodes.size(); ++k) {
    auto const at =
        kinked_node(f.alpha, rule.nodes[k], rule.weights[k], r, r_col, angle.theta, angle.rest);
    sums.value += at.value;
    sums.slope += at.slope;
  }
  return kinked_kernel(f.scale, sums, in.c, r, r_col, angle.theta, angle.rest);
}

UnitRule kinked_rule(network::NumericalFunction fn, double r, double tolerance, double& reached) {
  constexpr int longest = 128;
  UnitRule const exact = gauss_legendre(2 * longest);
  for (int n = 12;; n += n / 3) {
    UnitRule rule = gauss_legendre(n);
    reached = 0;
    for (double const c : {1.0, 0.9, 0.3, -0.3, -0.9, -1.0}) {
      Entry<double> const in{c, 1 - std::fabs(c), 0};
      auto const expected = kinked_pair(fn, exact, in, r, r), got = kinked_pair(fn, rule, in, r, r);
      auto const diagonal = kinked_pair(fn, exact, {1, 0, 0}, r, r);
      reached = std::fmax(reached, std::fabs(got.value - expected.value) / diagonal.value);
      reached = std::fmax(reached, std::fabs(got.slope - expected.slope) / diagonal.slope);
    }
    if (reached <= tolerance || n > longest || r == 0) return rule;
  }
}

}  // namespace widelimit::kernels
