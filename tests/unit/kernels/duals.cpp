/// \file
/// Every dual activation against the integral of its function, and the accuracy of its defect.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "widelimit/kernels/dual_union.hpp"

#include "reference/dual_closed_form.hpp"
#include "reference/dual_integral.hpp"

namespace widelimit::kernels {
namespace {

using reference::GaussianPair;
using reference::Quad;

constexpr double eps = std::numeric_limits<double>::epsilon();

/// What a dual made of a pair with t = 1: the entry, and the scales of the output.
struct Result {
  Entry<double> entry;
  double r, r_col;
};

template <class Function>
Result apply(Function const& f, GaussianPair const& at) {
  using Dual = DualOf<Function, double>;
  std::array<double, 16> row{}, col{};
  Result result{};
  result.r = Dual::prepare(f, at.r, row.data());
  result.r_col = Dual::prepare(f, at.r_col, col.data());
  result.entry = Dual(f)({at.c, at.defect, 1}, {row.data(), 1}, {col.data(), 1});
  return result;
}

/// Pairs of random scales in [low, high] and correlations: uniform, near ±1, and the special ones.
std::vector<GaussianPair> random_pairs(double low, double high, int uniform) {
  std::mt19937_64 engine(5);
  std::uniform_real_distribution<double> unit(0, 1);
  auto const scale = [&] { return low * std::pow(high / low, unit(engine)); };
  std::vector<GaussianPair> pairs;
  for (int k = 0; k < uniform; ++k) {
    double const c = 2 * unit(engine) - 1;
    pairs.push_back({scale(), scale(), c, 1 - std::fabs(c)});
  }
  for (double const defect : {1e-2, 1e-5, 1e-9, 1e-14, 0.0}) {
    for (double const sign : {1.0, -1.0}) {
      pairs.push_back({scale(), scale(), sign * (1 - defect), defect});
    }
  }
  pairs.push_back({scale(), scale(), 0, 1});
  pairs.push_back({high, high, 0.3, 0.7});
  pairs.push_back({low, high, -0.6, 0.4});
  return pairs;
}

/// Compares K' = r r' c' and K̇ with integrals. Terms of either sign can cancel in a value that is
/// small against its diagonal, hence the absolute part.
void expect_value(Result const& got, GaussianPair const& at, long double value, long double slope,
                  long double slope_bound) {
  long double const scale = static_cast<long double>(got.r) * got.r_col;
  EXPECT_NEAR(got.entry.c, static_cast<double>(value / scale),
              1e-12 * std::fabs(static_cast<double>(value / scale)) + 4e-15);
  long double const factor = static_cast<long double>(at.r) * at.r_col / scale;
  EXPECT_NEAR(got.entry.t, static_cast<double>(slope * factor),
              static_cast<double>(factor * (1e-12L * std::fabs(slope) + 4e-15L * slope_bound)));
  // Independent of the accuracy of c: a defect that belongs to another c would show here.
  EXPECT_NEAR(got.entry.e, 1 - std::fabs(got.entry.c), 1e-15);
  EXPECT_GE(got.entry.e, 0);
}

std::string describe(GaussianPair const& at) {
  return "r = " + std::to_string(at.r) + ", r' = " + std::to_string(at.r_col) +
         ", c = " + std::to_string(at.c) + ", defect = " + std::to_string(at.defect);
}

template <class Function>
void check_smooth(char const* name, Function const& f, reference::SmoothFunction const& phi,
                  double high = 5) {
  SCOPED_TRACE(name);
  for (auto const& at : random_pairs(1e-3, high, 3)) {
    SCOPED_TRACE(describe(at));
    auto const expected = integrate(phi, at);
    auto const diagonal = integrate(phi, {at.r, at.r, 1, 0});
    auto const diagonal_col = integrate(phi, {at.r_col, at.r_col, 1, 0});
    auto const got = apply(f, at);
    EXPECT_NEAR(static_cast<double>(got.r * got.r / diagonal.value), 1, 1e-12);
    expect_value(got, at, expected.value, expected.slope,
                 std::sqrt(diagonal.slope * diagonal_col.slope));
  }
}

using Long = long double;

TEST(Duals, of_error_functions_are_their_integrals) {
  auto const phi = [](network::Erf const& f) {
    Long const a = f.a, b = f.b, c = f.c;
    return reference::SmoothFunction{[=](Long x) { return a * std::erf(b * x) + c; },
                                     [=](Long x) {
                                       return a * b * 2 / std::sqrt(std::numbers::pi_v<Long>) *
                                              std::exp(-b * b * x * x);
                                     }};
  };
  for (network::Erf const f :
       {network::Erf{}, network::Erf{0.5, 1 / 2.4020563531719796, 0.5}, network::Erf{-2, 0.3, -1}})
    check_smooth("erf", f, phi(f));
  auto const normal = [](Long x) { return std::erfc(-x / std::sqrt(Long(2))) / 2; };
  check_smooth("gelu", network::Gelu{},
               {[=](Long x) { return x * normal(x); },
                [=](Long x) {
                  return normal(x) +
                         x * std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<Long>);
                }});
}

TEST(Duals, of_sinusoids_are_their_integrals) {
  for (auto const& [a, b, h] :
       {std::array{1.0, 1.0, 0.0}, std::array{-1.5, 0.4, 0.7}, std::array{0.5, -0.8, 2.0}}) {
    Long const la = a, lb = b, lh = h;
    check_smooth("sin", network::Sin{a, b, h},
                 {[=](Long x) { return la * std::sin(lb * x + lh); },
                  [=](Long x) { return la * lb * std::cos(lb * x + lh); }});
    check_smooth("cos", network::Cos{a, b, h},
                 {[=](Long x) { return la * std::cos(lb * x + lh); },
                  [=](Long x) { return -la * lb * std::sin(lb * x + lh); }});
  }
  for (double const gamma : {1.0, 0.2}) {
    Long const b = std::sqrt(2 * Long(gamma)), h = std::numbers::pi_v<Long> / 4;
    check_smooth("rbf", network::Rbf{gamma},
                 {[=](Long x) { return std::sqrt(Long(2)) * std::sin(b * x + h); },
                  [=](Long x) { return std::sqrt(Long(2)) * b * std::cos(b * x + h); }});
  }
}

TEST(Duals, of_exponentials_and_gaussians_are_their_integrals) {
  for (network::Exp const f : {network::Exp{}, network::Exp{-2, -0.4}}) {
    Long const a = f.a, b = f.b;
    check_smooth("exp", f,
                 {[=](Long x) { return a * std::exp(b * x); },
                  [=](Long x) { return a * b * std::exp(b * x); }},
                 1.2 / std::fabs(f.b));
  }
  for (network::Gaussian const f :
       {network::Gaussian{}, network::Gaussian{-0.7, -0.1}, network::Gaussian{1, 0.02}}) {
    Long const a = f.a, b = f.b;
    check_smooth("gaussian", f,
                 {[=](Long x) { return a * std::exp(b * x * x); },
                  [=](Long x) { return 2 * a * b * x * std::exp(b * x * x); }},
                 f.b < 0 ? 5 : 2);
  }
  check_smooth("gabor", network::Gabor{},
               {[](Long x) { return std::exp(-x * x) * std::sin(x); },
                [](Long x) { return std::exp(-x * x) * (std::cos(x) - 2 * x * std::sin(x)); }});
}

TEST(Duals, of_monomials_are_their_integrals) {
  for (int const n : {0, 1, 2, 3, 4, 5}) {
    check_smooth("monomial", network::Monomial{n},
                 {[=](Long x) { return std::pow(x, n); },
                  [=](Long x) { return n == 0 ? 0 : n * std::pow(x, n - 1); }});
  }
}

template <class Function>
void check_kinked(char const* name, Function const& f, reference::HalfPowers const& phi) {
  SCOPED_TRACE(name);
  int const n = phi.degree;
  reference::HalfPowers const slope{n - 1, -n * phi.left, n * phi.right};
  for (auto const& at : random_pairs(1e-3, 5, 20)) {
    SCOPED_TRACE(describe(at));
    auto const got = apply(f, at);
    Quad const value = integrate(phi, at);
    Quad const diagonal = integrate(phi, {at.r, at.r, 1, 0});
    EXPECT_NEAR(static_cast<double>(got.r * got.r / diagonal), 1, 1e-14);
    Quad const expected_slope = n == 0 ? Quad(0) : integrate(slope, at);
    Quad const bound = n == 0 ? Quad(0)
                              : reference::quad_sqrt(integrate(slope, {at.r, at.r, 1, 0}) *
                                                     integrate(slope, {at.r_col, at.r_col, 1, 0}));
    expect_value(got, at, static_cast<Long>(value), static_cast<Long>(expected_slope),
                 static_cast<Long>(bound));
  }
}

TEST(Duals, of_piecewise_functions_are_their_integrals) {
  for (network::AbRelu const f :
       {network::AbRelu{0, 1}, network::AbRelu{0.01, 1}, network::AbRelu{-1, 1},
        network::AbRelu{1, 1}, network::AbRelu{-0.3, 0.5}, network::AbRelu{2, -0.7},
        network::AbRelu{-2, -1}, network::AbRelu{1, 0}}) {
    check_kinked("abrelu", f, {1, -f.a, f.b});
  }
  check_kinked("sign", network::Sign{}, {0, -1, 1});
  for (int const n : {0, 1, 2, 3, 4, 5})
    check_kinked("rectified_monomial", network::RectifiedMonomial{n}, {n, 0, 1});
}

TEST(Duals, of_exp_normalized_follow_their_definition) {
  for (network::ExpNormalized const f :
       {network::ExpNormalized{}, network::ExpNormalized{0.3, 0.5, true},
        network::ExpNormalized{4, -2}}) {
    for (auto const& at : random_pairs(1e-3, 5, 20)) {
      SCOPED_TRACE(describe(at));
      auto const got = apply(f, at);
      Long const power = std::exp(Long(f.gamma) * (Long(at.c) + f.shift));
      expect_value(got, at, Long(at.r) * at.r_col * power, f.gamma * power, f.gamma);
    }
  }
}

TEST(Duals, of_nothing_are_zero) {
  auto const entry = apply(network::AbRelu{0, 0}, {1, 2, 0.5, 0.5});
  EXPECT_EQ(entry.r, 0);
  EXPECT_TRUE(std::isfinite(entry.entry.c) && std::isfinite(entry.entry.t));
}

// ---- The defect. An error δ of the defect moves the angle √(2e) of the pair by δ/√(2e), so an
// angle that is right to rounding needs δ of the order ε·√e.

double defect_error(double got, Quad expected) {
  Quad const size = reference::quad_sqrt(expected) > eps ? reference::quad_sqrt(expected) : eps;
  return static_cast<double>(reference::quad_abs(got - expected) / size) / eps;
}

TEST(Defects, of_homogeneous_functions_are_relatively_exact) {
  std::vector<double> defects{1, 0.5, 0.3, 0.1};
  for (double e = 1e-2; e > 1e-300; e *= 1e-3) defects.push_back(e);
  for (network::AbRelu const f : {network::AbRelu{0, 1}, network::AbRelu{0.01, 1},
                                  network::AbRelu{-1, 1}, network::AbRelu{-0.4, 1}}) {
    Quad const gamma = (static_cast<Quad>(f.b) - f.a) * (static_cast<Quad>(f.b) - f.a) /
                       (static_cast<Quad>(f.a) * f.a + static_cast<Quad>(f.b) * f.b);
    for (double const e : defects) {
      Quad const one_minus = e - gamma * reference::quad_relu_deviation(e) / reference::quad_pi();
      auto const got = apply(f, {1, 3, 1 - e, e});
      EXPECT_LE(reference::error_in_eps(got.entry.e, one_minus), 4) << f.a << " " << e;
    }
  }
  // Odd functions alone keep opposite points opposite.
  for (double const e : defects) {
    EXPECT_LE(reference::error_in_eps(apply(network::AbRelu{1, 1}, {1, 3, e - 1, e}).entry.e,
                                      static_cast<Quad>(e)),
              1);
    for (double const sign : {1.0, -1.0}) {
      auto const got = apply(network::Sign{}, {1, 3, sign * (1 - e), e});
      EXPECT_LE(reference::error_in_eps(
                    got.entry.e, reference::quad_angle_of_defect(e) * 2 / reference::quad_pi()),
                4);
    }
  }
  // abs makes opposite points equal.
  for (double const e : defects) {
    auto const got = apply(network::AbRelu{-1, 1}, {1, 3, e - 1, e});
    Quad const one_minus = e - 2 * reference::quad_relu_deviation(e) / reference::quad_pi();
    EXPECT_LE(reference::error_in_eps(got.entry.e, one_minus), 4) << e;
  }
}

TEST(Defects, of_rectified_monomials_keep_the_angle) {
  for (int const n : {1, 2, 3, 4, 5}) {
    reference::HalfPowers const phi{n, 0, 1};
    Quad const diagonal = integrate(phi, {1, 1, 1, 0});
    for (double e = 0.5; e > 1e-14; e /= 10) {
      Quad const expected = 1 - integrate(phi, {1, 1, 1 - e, e}) / diagonal;
      auto const got = apply(network::RectifiedMonomial{n}, {1, 1, 1 - e, e});
      EXPECT_LE(defect_error(got.entry.e, expected), 20) << n << " " << e;
    }
  }
}

/// The refined defect where the dual has one, as the entry program takes it.
template <class Function>
double refined(Function const& f, GaussianPair const& at) {
  using Dual = DualOf<Function, double>;
  std::array<double, 16> row{}, col{};
  Dual::prepare(f, at.r, row.data());
  Dual::prepare(f, at.r_col, col.data());
  Entry<double> const in{at.c, at.defect, 1};
  Point<double> const row_point{row.data(), 1}, col_point{col.data(), 1};
  Dual const dual(f);
  auto const out = dual(in, row_point, col_point);
  if constexpr (requires { dual.refined_defect(in, out, row_point, col_point); }) {
    return std::fmax(dual.refined_defect(in, out, row_point, col_point), 0);
  } else {
    return out.e;
  }
}

template <class Function>
void check_defects(char const* name, Function const& f, bool odd_or_even, double largest = 1e3) {
  SCOPED_TRACE(name);
  for (double r = 1e-3; r <= largest; r *= 3.7) {
    for (double const apart : {0.0, 1e-12, -1e-9, 1e-6, -1e-3, 0.05}) {
      for (double const e : {0.0, 1e-20, 1e-12, 1e-6, 1e-3}) {
        for (double const sign : {1.0, -1.0}) {
          if (sign < 0 && !odd_or_even) continue;
          GaussianPair const at{r, r * (1 + apart), sign * (1 - e), e};
          SCOPED_TRACE(describe(at));
          Quad const q = static_cast<Quad>(at.r) * at.r,
                     q_col = static_cast<Quad>(at.r_col) * at.r_col;
          Quad const k = sign * (1 - static_cast<Quad>(e)) * at.r * at.r_col;
          Quad const c =
              reference::closed_form(f, {q, k, q_col}).value /
              reference::quad_sqrt(reference::closed_form(f, {q, q, q}).value *
                                   reference::closed_form(f, {q_col, q_col, q_col}).value);
          Quad const expected = 1 - reference::quad_abs(c);
          if (expected > Quad(1) / 128) continue;
          // Where small inputs make functions nearly linear, the difference of the scales itself
          // is known to ε only.
          EXPECT_LE(
              reference::quad_abs(refined(f, at) - expected),
              20 * eps *
                  (reference::quad_sqrt(reference::quad_abs(expected)) + std::fabs(apart) + eps));
        }
      }
    }
  }
}

TEST(Defects, refined_keep_the_angle_of_near_duplicates_and_opposites) {
  check_defects("erf", network::Erf{}, true);
  check_defects("sigmoid_like", network::Erf{0.5, 1 / 2.4020563531719796, 0.5}, false);
  check_defects("gelu", network::Gelu{}, false);
  check_defects("sin", network::Sin{1, 1.3, 0}, true, 10);
  check_defects("sin with phase", network::Sin{1, 0.7, 0.4}, false, 10);
  check_defects("cos", network::Cos{1, 0.8, 0}, true, 10);
  check_defects("gaussian", network::Gaussian{1, -0.4}, true);
  check_defects("growing gaussian", network::Gaussian{1, 0.01}, true, 3);
  check_defects("rbf", network::Rbf{0.3}, false, 10);
  check_defects("exp", network::Exp{1, 0.3}, false, 10);
  for (int const n : {1, 2, 3, 4, 5}) check_defects("monomial", network::Monomial{n}, true);
}

TEST(Defects, of_saturated_units_tell_scales_apart) {
  // g = √(s/(1+s)) rounds to 1 for both, and 1-c' is about 0.2·√p.
  auto const got = apply(network::Erf{}, {1e9, 1e20, 1, 0});
  EXPECT_GT(got.entry.e, 1e-10);
  EXPECT_LT(got.entry.e, 1e-9);
}

}  // namespace
}  // namespace widelimit::kernels
