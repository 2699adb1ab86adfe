#include "widelimit/regression/kernel_spectrum.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace widelimit::regression {
namespace {

KernelSpectrum spectrum_of(std::vector<double> values, std::vector<double> power) {
  KernelSpectrum spectrum;
  spectrum.points = static_cast<Index>(values.size());
  for (double const value : values) spectrum.trace += value;
  for (double const one : power) spectrum.total_power += one;
  spectrum.values = std::move(values);
  spectrum.power = std::move(power);
  return spectrum;
}

TEST(EffectiveDimension, is_the_sum_and_bounds_it_where_the_tail_is_unknown) {
  auto whole = spectrum_of({4, 2, 1, 0.5, 0.1}, {});
  double const exact = 4 / 4.3 + 2 / 2.3 + 1 / 1.3 + 0.5 / 0.8 + 0.1 / 0.4;
  EXPECT_NEAR(effective_dimension(whole, 0.3).low, exact, 1e-14);
  EXPECT_NEAR(effective_dimension(whole, 0.3).high, exact, 1e-14);
  auto part = whole;
  part.values.resize(2);
  EXPECT_LT(effective_dimension(part, 0.3).low, exact);
  EXPECT_GT(effective_dimension(part, 0.3).high, exact);
}

TEST(PredictedError, equal_modes_have_a_closed_form) {
  // M equal modes, no ridge: t = λ(M - n)/n, L = n/M, error = (1 - n/M)·power/N.
  constexpr Index m = 40;
  auto const spectrum = spectrum_of(std::vector<double>(m, 3.0), std::vector<double>(m, 2.0));
  for (double const samples : {1.0, 10.0, 39.0}) {
    double const share = samples / m;
    double const expected = samples / (samples - m * share * share) * (1 - share) * (1 - share) * 2;
    EXPECT_NEAR(predicted_error(spectrum, samples, 0), expected, 1e-9);
    EXPECT_NEAR(expected, (1 - share) * 2, 1e-12);
  }
  EXPECT_TRUE(std::isnan(predicted_error(spectrum, 41, 0)));
  EXPECT_GT(predicted_error(spectrum, 41, 0.1), 0);
}

TEST(PredictedError, a_large_ridge_learns_nothing_and_many_samples_all) {
  std::vector<double> values, power;
  for (int k = 1; k <= 200; ++k) {
    values.push_back(200.0 / (k * k));
    power.push_back(200.0 / (k * k));
  }
  auto const spectrum = spectrum_of(values, power);
  double const all = spectrum.total_power / 200;
  EXPECT_NEAR(predicted_error(spectrum, 50, 1e9), all, 1e-5);
  double before = all;
  for (double const samples : {2.0, 10.0, 50.0, 150.0}) {
    double const now = predicted_error(spectrum, samples, 1e-6);
    EXPECT_LT(now, before);
    before = now;
  }
  EXPECT_LT(before, 1e-2 * all);
}

TEST(PredictedError, a_flat_tail_counts_as_its_sum) {
  std::vector<double> values{5, 3}, power{4, 1};
  values.insert(values.end(), 98, 0.25);
  power.insert(power.end(), 98, 0.01);
  auto const whole = spectrum_of(values, power);
  auto part = whole;
  part.values.resize(2);
  part.power.resize(2);
  EXPECT_NEAR(predicted_error(part, 20, 0.1) / predicted_error(whole, 20, 0.1), 1, 1e-12);
}

}  // namespace
}  // namespace widelimit::regression
