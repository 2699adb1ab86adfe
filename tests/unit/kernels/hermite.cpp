/// \file
/// Gauss–Hermite rules and Hermite expansions against known integrals.
#include "widelimit/kernels/hermite.hpp"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "widelimit/kernels/numerical_functions.hpp"

namespace widelimit::kernels {
namespace {

/// Σ weights·f(nodes).
template <class F>
double apply(GaussHermiteRule const& rule, F const& f) {
  double sum = 0;
  for (std::size_t k = 0; k < rule.nodes.size(); ++k) sum += rule.weights[k] * f(rule.nodes[k]);
  return sum;
}

TEST(GaussHermite, has_the_published_nodes_and_weights) {
  auto const five = gauss_hermite(5);  // Abramowitz & Stegun, table 25.10
  double const nodes[] = {-2.020182870456085633, -0.9585724646138185072, 0, 0.9585724646138185072,
                          2.020182870456085633};
  double const weights[] = {1.995324205904591e-2, 3.936193231522412e-1, 9.453087204829419e-1,
                            3.936193231522412e-1, 1.995324205904591e-2};
  for (int k = 0; k < 5; ++k) {
    EXPECT_NEAR(five.nodes[k], nodes[k], 1e-15);
    EXPECT_NEAR(five.weights[k], weights[k], 1e-15);
  }
}

TEST(GaussHermite, agrees_with_numbers_of_forty_digits) {
  struct Numbers {
    int n;
    double first_node, first_weight;  // the outermost: the smallest weight
    double inner_node, inner_weight;  // number n/2 + 1, counted from 1
  };
  for (auto const& at : {Numbers{24, -6.01592556142573972, 1.66436849648910887e-16,
                                 0.224414547472515585, 0.42693116386869925},
                         Numbers{50, -9.18240695812931737, 1.83379404857343138e-37,
                                 0.156302546889468675, 0.305085129204398808},
                         Numbers{120, -14.7766576727988685, 9.70874031735603156e-96,
                                 0.101184167153183359, 0.200309846261879296}}) {
    auto const rule = gauss_hermite(at.n);
    EXPECT_NEAR(rule.nodes[0] / at.first_node, 1, 1e-15) << at.n;
    EXPECT_NEAR(rule.weights[0] / at.first_weight, 1, 1e-12) << at.n;
    EXPECT_NEAR(rule.nodes[at.n / 2] / at.inner_node, 1, 1e-14) << at.n;
    EXPECT_NEAR(rule.weights[at.n / 2] / at.inner_weight, 1, 1e-13) << at.n;
  }
}

TEST(GaussHermite, integrates_polynomials_of_degree_2n_minus_1_exactly) {
  for (int const n : {1, 2, 3, 7, 25, 50}) {
    auto const rule = gauss_hermite(n);
    double moment = std::sqrt(std::numbers::pi);  // ∫ x^(2k) exp(-x²) dx = √π·(2k-1)!!/2^k
    for (int k = 0; k < n; ++k) {
      EXPECT_NEAR(apply(rule, [&](double x) { return std::pow(x, 2 * k); }) / moment, 1, 1e-12)
          << n << " points, degree " << 2 * k;
      moment *= (2 * k + 1) / 2.0;
    }
    // One degree more is beyond it: the error is n!√π/2^n.
    double const missing =
        std::sqrt(std::numbers::pi) * std::exp(std::lgamma(n + 1.0)) / std::pow(2.0, n);
    double const got = apply(rule, [&](double x) { return std::pow(x, 2 * n); });
    EXPECT_NEAR((moment - got) / missing, 1, 1e-2 + 1e-13 * moment / missing) << n;
  }
}

TEST(GaussHermite, integrates_cosines) {
  auto const rule = gauss_hermite(40);  // ∫ cos(ax) exp(-x²) dx = √π·exp(-a²/4)
  for (double const a : {0.5, 2.0, 4.0}) {
    EXPECT_NEAR(apply(rule, [&](double x) { return std::cos(a * x); }),
                std::sqrt(std::numbers::pi) * std::exp(-a * a / 4), 1e-14);
  }
}

TEST(GaussHermite, is_finite_and_normalised_at_every_allowed_size) {
  for (int n = 1; n <= 300; n += 13) {
    auto const rule = gauss_hermite(n);
    double sum = 0;
    for (int k = 0; k < n; ++k) {
      EXPECT_TRUE(std::isfinite(rule.nodes[k]) && rule.weights[k] >= 0) << n;
      EXPECT_NEAR(rule.nodes[k], -rule.nodes[n - 1 - k], 1e-13) << n;
      sum += rule.weights[k];
    }
    EXPECT_NEAR(sum, std::sqrt(std::numbers::pi), 1e-13) << n;
  }
}

TEST(HermiteOfPolynomial, knows_the_first_powers) {
  double const r = 1.7;
  // z³ = He_3 + 3·He_1, z² = He_2 + 1, normalised by √k!
  auto const h = hermite_of_polynomial({0.5, -1, 2, 0.25}, r);
  ASSERT_EQ(h.size(), 4U);
  EXPECT_NEAR(h[0], 0.5 + 2 * r * r, 1e-14);
  EXPECT_NEAR(h[1], -r + 0.25 * 3 * r * r * r, 1e-14);
  EXPECT_NEAR(h[2], 2 * r * r * std::sqrt(2.0), 1e-14);
  EXPECT_NEAR(h[3], 0.25 * r * r * r * std::sqrt(6.0), 1e-14);
}

TEST(HermiteOfPolynomial, keeps_the_second_moment) {
  std::vector<double> coef(12, 0.0);
  coef[11] = 1;
  double sum = 0;
  for (double const h : hermite_of_polynomial(coef, 1)) sum += h * h;
  double const moment = 13749310575.0;  // E z^22 = 21!!
  EXPECT_NEAR(sum / moment, 1, 1e-13);
}

TEST(HermiteExpansion, finds_the_known_coefficients_of_an_exponential) {
  HermiteExpansion const expansion([](double x) { return std::exp(x); });
  double const r = 0.8;  // exp(rz) = exp(r²/2)·Σ r^k/k!·He_k
  auto const h = expansion.coefficients({r}, 20);
  double factorial = 1;
  for (int k = 0; k < 20; ++k, factorial *= k) {
    EXPECT_NEAR(h[k], std::exp(r * r / 2) * std::pow(r, k) / std::sqrt(factorial), 2e-15) << k;
  }
}

TEST(HermiteExpansion, needs_more_terms_for_larger_scales_and_reaches_its_tolerance) {
  HermiteExpansion const expansion([](double x) { return std::tanh(x); });
  int before = 0;
  for (double const r : {0.1, 0.5, 1.0, 2.0}) {
    double reached = 1;
    int const terms = expansion.terms_for(r, 1e-13, reached);
    EXPECT_LE(reached, 1e-13) << r;
    EXPECT_GT(terms, before);
    before = terms;
  }
  EXPECT_LT(before, HermiteExpansion::max_terms);
}

TEST(HermiteExpansion, keeps_the_second_moment_of_smooth_functions) {
  using enum network::NumericalFunction;
  auto const rule = gauss_hermite(200);
  for (auto const fn : {tanh, sigmoid, softplus, swish, mish}) {
    auto const phi = [&](double x) { return evaluate(fn, x).value; };
    double const r = 1;
    double const power =
        apply(rule, [&](double x) { return std::pow(phi(r * std::sqrt(2.0) * x), 2); }) /
        std::sqrt(std::numbers::pi);
    HermiteExpansion const expansion(phi);
    double reached = 1;
    int const terms = expansion.terms_for(r, 1e-13, reached);
    double sum = 0;
    for (double const h : expansion.coefficients({r}, terms)) sum += h * h;
    EXPECT_NEAR(sum / power, 1, 1e-11) << static_cast<int>(fn);
  }
}

TEST(HermiteExpansion, says_what_it_reached_where_a_kink_slows_it_down) {
  HermiteExpansion const expansion([](double x) { return std::fabs(x); });
  double reached = 0;
  EXPECT_EQ(expansion.terms_for(1, 1e-13, reached), HermiteExpansion::max_terms);
  EXPECT_GT(reached, 1e-4);
  EXPECT_LT(reached, 1e-1);
}

}  // namespace
}  // namespace widelimit::kernels
