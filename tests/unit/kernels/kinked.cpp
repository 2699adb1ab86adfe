/// \file
/// Kernels of elu and selu against brute-force integrals, and the functions that they are made of.
#include "widelimit/kernels/kinked.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "widelimit/kernels/numerical_functions.hpp"

#include "reference/quad.hpp"

namespace widelimit::kernels {
namespace {

using network::NumericalFunction;
using reference::Quad;

template <class Real>
double worst_mills_ratio() {
  double worst = 0;
  for (double s = 1e-12; s < 1e12; s *= 1.13) {
    Quad const x = static_cast<Real>(s);
    Quad expected = 0;
    if (s < 60) {
      expected = reference::quad_sqrt(reference::quad_pi() / 2) * reference::quad_exp(x * x / 2) *
                 reference::quad_erfc(x / reference::quad_sqrt(2));
    } else {
      Quad term = 1 / x;  // the asymptotic series, to 60^-24
      for (int k = 1; k < 12; ++k, term *= -(2 * k - 3) / (x * x)) expected += term;
    }
    worst = std::fmax(worst, reference::error_in_eps(mills_ratio(static_cast<Real>(s)), expected));
  }
  return worst;
}

TEST(MillsRatio, is_right_to_a_few_units) {
  EXPECT_LE(worst_mills_ratio<double>(), 8);
  EXPECT_LE(worst_mills_ratio<float>(), 8);
  EXPECT_NEAR(mills_ratio(0.0), std::sqrt(std::numbers::pi / 2), 1e-15);
}

template <class Real>
double worst_sine() {
  double worst = 0;
  for (double part = 1e-12; part < 1; part *= 1.07) {
    for (bool const high : {false, true}) {
      Real const small = pi<Real> * static_cast<Real>(part);
      if (small > pi<Real> / 2) continue;
      Real const large = pi<Real> - small;
      Real const got = high ? sine(large, small) : sine(small, large);
      worst = std::fmax(worst, reference::error_in_eps(got, reference::quad_sin(small)));
    }
  }
  return worst;
}

TEST(Sine, is_right_to_a_few_units) {
  EXPECT_LE(worst_sine<double>(), 3);
  EXPECT_LE(worst_sine<float>(), 3);
}

TEST(GaussLegendre, integrates_polynomials_exactly) {
  for (int const n : {1, 2, 5, 16, 61, 256}) {
    auto const rule = gauss_legendre(n);
    for (int degree = 0; degree < std::min(2 * n, 40); ++degree) {
      double sum = 0;
      for (int k = 0; k < n; ++k) sum += rule.weights[k] * std::pow(rule.nodes[k], degree);
      EXPECT_NEAR(sum, 1.0 / (degree + 1), 2e-14) << n << " " << degree;
    }
  }
}

/// E φ(u)φ(v) and E φ'(u)φ'(v) in polar coordinates, both integrated by long rules, φ itself.
KinkedSums<double> brute_force(NumericalFunction fn, Entry<double> const& in, double r,
                               double r_col) {
  static UnitRule const radial = gauss_legendre(160), angular = gauss_legendre(90);
  constexpr double reach = 10;
  Angle<double> const angle(in);
  double const half = std::numbers::pi / 2;
  double const kinks[] = {-half, angle.theta - half, half, angle.theta + half, 3 * half};
  KinkedSums<double> sums{0, 0};
  for (int arc = 0; arc < 4; ++arc) {
    double const length = kinks[arc + 1] - kinks[arc];
    for (std::size_t a = 0; a < angular.nodes.size(); ++a) {
      double const alpha = kinks[arc] + length * angular.nodes[a];
      for (std::size_t b = 0; b < radial.nodes.size(); ++b) {
        // ρ = reach·x² gathers nodes where large scales make φ change fast.
        double const x = radial.nodes[b], rho = reach * x * x;
        double const weight = length * angular.weights[a] * radial.weights[b] * 2 * reach * x *
                              rho * std::exp(-rho * rho / 2) / (2 * std::numbers::pi);
        auto const at_u = evaluate(fn, r * rho * std::cos(alpha));
        auto const at_v = evaluate(fn, r_col * rho * std::cos(alpha - angle.theta));
        sums.value += weight * at_u.value * at_v.value;
        sums.slope += weight * at_u.slope * at_v.slope;
      }
    }
  }
  return sums;
}

TEST(Kinked, kernels_are_their_integrals) {
  for (auto const fn : {NumericalFunction::elu, NumericalFunction::selu}) {
    for (auto const& [r, r_col] : {std::pair{1.0, 1.0}, {0.01, 0.02}, {0.3, 3.0}, {5.0, 20.0}}) {
      double reached = 1;
      auto const rule = kinked_rule(fn, std::fmax(r, r_col), 1e-13, reached);
      EXPECT_LE(reached, 1e-13);
      auto const diagonal = kinked_pair(fn, rule, {1, 0, 0}, r, r);
      auto const diagonal_col = kinked_pair(fn, rule, {1, 0, 0}, r_col, r_col);
      double const scale = std::sqrt(diagonal.value * diagonal_col.value);
      double const slope_scale = std::sqrt(diagonal.slope * diagonal_col.slope);
      for (Entry<double> const& in : {Entry<double>{0, 1, 0},
                                      {0.5, 0.5, 0},
                                      {-0.7, 0.3, 0},
                                      {1 - 1e-6, 1e-6, 0},
                                      {1e-6 - 1, 1e-6, 0},
                                      {1, 0, 0},
                                      {-1, 0, 0}}) {
        auto const got = kinked_pair(fn, rule, in, r, r_col);
        auto const expected = brute_force(fn, in, r, r_col);
        EXPECT_NEAR(got.value, expected.value, 3e-13 * scale) << r << " " << r_col << " " << in.c;
        EXPECT_NEAR(got.slope, expected.slope, 3e-13 * slope_scale)
            << r << " " << r_col << " " << in.c;
      }
    }
  }
}

TEST(Kinked, rules_lengthen_with_the_scale_and_say_what_they_reach) {
  double reached = 0;
  auto const length = [&](double r, double tolerance) {
    return kinked_rule(NumericalFunction::selu, r, tolerance, reached).nodes.size();
  };
  EXPECT_LT(length(0.5, 1e-13), length(10, 1e-13));
  EXPECT_LT(length(1, 1e-7), length(1, 1e-13));
  length(1e6, 1e-13);
  EXPECT_GT(reached, 1e-13);
  EXPECT_LT(reached, 1e-3);
}

}  // namespace
}  // namespace widelimit::kernels
