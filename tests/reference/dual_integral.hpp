/// \file
/// E φ(u)φ(v) and E φ'(u)φ'(v) of Gaussian pairs by brute-force integration of φ itself: slow,
/// obvious, and independent of every closed form.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "reference/quad.hpp"

namespace widelimit::reference {

/// Standard deviations and correlation of (u, v); `defect` = 1-|c|.
struct GaussianPair {
  double r, r_col;
  double c, defect;
};

struct DualValue {
  long double value, slope;
};

/// A function and its derivative.
struct SmoothFunction {
  std::function<long double(long double)> phi, slope;
};

/// The two-dimensional trapezoidal rule on independent normals, whose error falls exponentially for
/// functions analytic near the real line: 2e-16 for scales up to 5 of those used here.
inline DualValue integrate(SmoothFunction const& f, GaussianPair const& at) {
  constexpr int reach = 176;  // of nodes on either side
  constexpr long double step = 0.068L;
  static std::vector<long double> const density = [] {
    std::vector<long double> d;
    for (int k = -reach; k <= reach; ++k) {
      long double const z = k * step;
      d.push_back(step * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi_v<long double>));
    }
    return d;
  }();
  long double const sine = std::sqrt(static_cast<long double>(at.defect) * (2 - at.defect));
  long double const cosine =
      at.c < 0 ? static_cast<long double>(at.defect) - 1 : 1 - static_cast<long double>(at.defect);
  DualValue total{0, 0};
  for (int a = -reach; a <= reach; ++a) {
    DualValue inner{0, 0};
    for (int b = -reach; b <= reach; ++b) {
      if (a * a + b * b > reach * reach) continue;
      long double const v = at.r_col * (cosine * a + sine * b) * step;
      inner.value += density[b + reach] * f.phi(v);
      inner.slope += density[b + reach] * f.slope(v);
    }
    long double const u = at.r * (a * step);
    total.value += density[a + reach] * f.phi(u) * inner.value;
    total.slope += density[a + reach] * f.slope(u) * inner.slope;
  }
  return total;
}

/// x^n for x > 0 times `right`, |x|^n for x < 0 times `left`.
struct HalfPowers {
  int degree;
  double left, right;
  Quad operator()(Quad x) const {
    Quad power = x < 0 ? left : right;
    for (int k = 0; k < degree; ++k) power *= quad_abs(x);
    return power;
  }
};

/// E φ(u)φ(v) of a function homogeneous on either half-line. In polar coordinates the radius
/// integrates to 2^n·n!, and the angle to trigonometric polynomials between the kinks, which
/// Gauss–Legendre rules integrate to rounding.
inline Quad integrate(HalfPowers const& phi, GaussianPair const& at) {
  Quad const pi = quad_pi();
  Quad const acute = quad_angle_of_defect(at.defect);
  Quad const theta = at.c < 0 ? pi - acute : acute;
  // φ(cos α)·φ(cos(α-θ)) has its kinks at -π/2, θ-π/2, π/2, θ+π/2, and 3π/2 closes the circle.
  std::array<Quad, 5> const kinks{-pi / 2, theta - pi / 2, pi / 2, theta + pi / 2, 3 * pi / 2};
  constexpr int pieces = 16, order = 8;
  static constexpr long double nodes[order / 2] = {
      0.183434642495649804939476142360L, 0.525532409916328985817739049189L,
      0.796666477413626739591553936476L, 0.960289856497536231683560868569L};
  static constexpr long double weights[order / 2] = {
      0.362683783378361982965150449277L, 0.313706645877887287337962201987L,
      0.222381034453374470544355994426L, 0.101228536290376259152531354310L};
  Quad sum = 0;
  for (std::size_t arc = 0; arc + 1 < kinks.size(); ++arc) {
    Quad const half = (kinks[arc + 1] - kinks[arc]) / (2 * pieces);
    for (int piece = 0; piece < pieces; ++piece) {
      Quad const middle = kinks[arc] + (2 * piece + 1) * half;
      for (int k = 0; k < order; ++k) {
        Quad const x = k < order / 2 ? nodes[k] : -nodes[k - order / 2];
        Quad const angle = middle + x * half;
        sum +=
            weights[k % (order / 2)] * half * phi(quad_cos(angle)) * phi(quad_cos(angle - theta));
      }
    }
  }
  for (int k = 1; k <= phi.degree; ++k) {
    sum *= 2 * k * static_cast<Quad>(at.r) * static_cast<Quad>(at.r_col);
  }
  return sum / (2 * pi);
}

}  // namespace widelimit::reference
