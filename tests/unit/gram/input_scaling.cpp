#include "widelimit/gram/input_scaling.hpp"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"

namespace widelimit::gram {
namespace {

/// n x d with correlated columns of different means and spreads.
template <class Real>
std::vector<Real> correlated(Index n, Index d, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  std::vector<Real> x(static_cast<std::size_t>(n * d));
  for (Index i = 0; i < n; ++i) {
    double common = normal(engine);
    for (Index k = 0; k < d; ++k)
      x[i * d + k] = static_cast<Real>(static_cast<double>(k + 1) * normal(engine) + 2 * common -
                                       static_cast<double>(3 * k));
  }
  return x;
}

/// Means of the columns and their covariance (d x d), by definition.
struct Moments {
  std::vector<double> mean, covariance;
};
template <class Real>
Moments moments(std::vector<Real> const& x, Index n, Index d) {
  Moments m{std::vector<double>(d), std::vector<double>(d * d)};
  for (Index i = 0; i < n; ++i)
    for (Index k = 0; k < d; ++k)
      m.mean[k] += static_cast<double>(x[i * d + k]) / static_cast<double>(n);
  for (Index i = 0; i < n; ++i)
    for (Index k = 0; k < d; ++k)
      for (Index l = 0; l < d; ++l)
        m.covariance[k * d + l] += (static_cast<double>(x[i * d + k]) - m.mean[k]) *
                                   (static_cast<double>(x[i * d + l]) - m.mean[l]) /
                                   static_cast<double>(n);
  return m;
}

/// `kind` as fitted to `train` and applied to `x`.
template <class Real>
std::vector<Real> scaled(InputScaling kind, std::vector<Real> const& train, std::vector<Real> x,
                         Index d, double epsilon = 0) {
  InputScaler const scaler(kind, train, static_cast<Index>(train.size()) / d, d, epsilon);
  scaler.apply(x, static_cast<Index>(x.size()) / d);
  return x;
}

template <class Real>
class InputScalers : public testing::Test {
 protected:
  static constexpr Index n = 90, d = 4;
  static constexpr double tolerance = 30 * std::numeric_limits<Real>::epsilon();
  std::vector<Real> const train = correlated<Real>(n, d, 1);
  std::vector<Real> const other = correlated<Real>(7, d, 2);
};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(InputScalers, Reals);

TYPED_TEST(InputScalers, none_changes_nothing) {
  EXPECT_EQ(scaled(InputScaling::none, this->train, this->other, this->d), this->other);
}

TYPED_TEST(InputScalers, standardize_takes_one_mean_and_deviation) {
  double sum = 0, squares = 0;
  for (auto const v : this->train) sum += static_cast<double>(v);
  auto const count = static_cast<double>(this->train.size());
  double const mean = sum / count;
  for (auto const v : this->train) squares += std::pow(static_cast<double>(v) - mean, 2);
  double const deviation = std::sqrt(squares / count);
  auto const result = scaled(InputScaling::standardize, this->train, this->other, this->d);
  for (std::size_t k = 0; k < result.size(); ++k)
    EXPECT_NEAR(result[k], (static_cast<double>(this->other[k]) - mean) / deviation,
                this->tolerance);
}

TYPED_TEST(InputScalers, per_feature_takes_those_of_each_column) {
  auto const m = moments(this->train, this->n, this->d);
  auto const result = scaled(InputScaling::per_feature, this->train, this->other, this->d);
  for (std::size_t at = 0; at < result.size(); ++at) {
    Index const k = static_cast<Index>(at) % this->d;
    double const expected = (static_cast<double>(this->other[at]) - m.mean[k]) /
                            std::sqrt(m.covariance[k * this->d + k]);
    EXPECT_NEAR(result[at], expected, this->tolerance);
  }
}

TYPED_TEST(InputScalers, per_feature_makes_constant_features_zero) {
  auto train = this->train;
  for (Index i = 0; i < this->n; ++i) train[i * this->d + 2] = 5;
  auto const result = scaled(InputScaling::per_feature, train, this->other, this->d);
  for (Index i = 0; i < 7; ++i) {
    EXPECT_EQ(result[i * this->d + 2], 0);
    EXPECT_NE(result[i * this->d + 1], 0);
  }
}

TYPED_TEST(InputScalers, unit_norm_divides_each_point_by_its_norm) {
  auto x = this->other;
  for (Index k = 0; k < this->d; ++k) x[k] = 0;
  auto const result = scaled(InputScaling::unit_norm, this->train, x, this->d);
  for (Index k = 0; k < this->d; ++k) EXPECT_EQ(result[k], 0);
  for (Index i = 1; i < 7; ++i) {
    double squares = 0;
    for (Index k = 0; k < this->d; ++k)
      squares += std::pow(static_cast<double>(x[i * this->d + k]), 2);
    for (Index k = 0; k < this->d; ++k)
      EXPECT_NEAR(result[i * this->d + k],
                  static_cast<double>(x[i * this->d + k]) / std::sqrt(squares), this->tolerance);
  }
}

TYPED_TEST(InputScalers, unit_norm_holds_for_the_largest_and_smallest_numbers) {
  using Real = TypeParam;
  for (Real const size : {std::numeric_limits<Real>::max(), std::numeric_limits<Real>::min()}) {
    std::vector<Real> const x{size, 0, -size, 0};
    auto const result = scaled(InputScaling::unit_norm, x, x, this->d);
    EXPECT_NEAR(result[0], std::sqrt(0.5), this->tolerance);
    EXPECT_NEAR(result[2], -std::sqrt(0.5), this->tolerance);
  }
}

// W = (C + εm)^-½ is symmetric and commutes with C, m the mean eigenvalue, so that whitened data
// have the covariance WCW = C(C + εm)^-1.
TYPED_TEST(InputScalers, zca_whitens_up_to_epsilon) {
  Index const d = this->d;
  for (double const epsilon : {1e-4, 0.3}) {
    auto const c = moments(this->train, this->n, d).covariance;
    double mean_eigenvalue = 0;
    for (Index k = 0; k < d; ++k) mean_eigenvalue += c[k * d + k] / static_cast<double>(d);
    auto const result =
        moments(scaled(InputScaling::zca, this->train, this->train, d, epsilon), this->n, d);
    for (Index k = 0; k < d; ++k) {
      EXPECT_NEAR(result.mean[k], 0, this->tolerance);
      for (Index l = 0; l < d; ++l) {
        double product = epsilon * mean_eigenvalue * result.covariance[k * d + l];
        for (Index j = 0; j < d; ++j) product += result.covariance[k * d + j] * c[j * d + l];
        EXPECT_NEAR(product, c[k * d + l], this->tolerance * mean_eigenvalue);
      }
    }
  }
}

// Any orthogonal matrix after W would leave data as white; that W is symmetric and positive sets
// zca apart, and shows in the covariance of data with whitened data, which is CW.
TYPED_TEST(InputScalers, zca_turns_the_data_no_more_than_it_must) {
  Index const n = this->n, d = this->d;
  auto const white = scaled(InputScaling::zca, this->train, this->train, d, 0.1);
  auto const m = moments(this->train, n, d);
  std::vector<double> cross(d * d);
  for (Index i = 0; i < n; ++i)
    for (Index k = 0; k < d; ++k)
      for (Index l = 0; l < d; ++l)
        cross[k * d + l] += (static_cast<double>(this->train[i * d + k]) - m.mean[k]) *
                            static_cast<double>(white[i * d + l]) / static_cast<double>(n);
  for (Index k = 0; k < d; ++k) {
    EXPECT_GT(cross[k * d + k], 0);
    for (Index l = 0; l < k; ++l)
      EXPECT_NEAR(cross[k * d + l], cross[l * d + k], 10 * this->tolerance);
  }
}

TYPED_TEST(InputScalers, zca_applies_the_numbers_of_the_training_inputs) {
  Index const d = this->d;
  InputScaler const scaler(InputScaling::zca, this->train, this->n, d, 0.1);
  auto all = this->train;
  scaler.apply(all, this->n);
  std::vector<TypeParam> few(this->train.begin() + 3 * d, this->train.begin() + 5 * d);
  scaler.apply(few, 2);
  for (Index k = 0; k < 2 * d; ++k) EXPECT_EQ(few[k], all[3 * d + k]);
}

TEST(InputScaler, zca_drops_directions_without_spread) {
  // The third feature is the sum of the others: without ε its direction must not become noise.
  auto x = correlated<double>(60, 3, 3);
  for (Index i = 0; i < 60; ++i) x[3 * i + 2] = x[3 * i] + x[3 * i + 1];
  auto const c = moments(scaled(InputScaling::zca, x, x, 3), 60, 3).covariance;
  // A projection of rank 2, off the direction (1, 1, -1).
  EXPECT_NEAR(c[0] + c[4] + c[8], 2, 1e-9);
  for (Index k = 0; k < 3; ++k) EXPECT_NEAR(c[3 * k] + c[3 * k + 1] - c[3 * k + 2], 0, 1e-9);
}

TEST(InputScaler, refuses_inputs_without_spread) {
  std::vector<double> const equal(12, 0.7);
  for (auto const kind : {InputScaling::standardize, InputScaling::per_feature, InputScaling::zca})
    test::expect_input_error([&] { InputScaler(kind, equal, 4, 3, 0.1); },
                             {"data.inputs", "inputs: none"});
}

/// Rows of which only the first entries count, with what would spoil every number in the rest.
TEST(MaskedInputs, only_entries_that_count_are_scaled_and_make_the_scale) {
  constexpr double masked = 1e30;
  std::vector<double> const train{1, 2,      3,      4,       // four entries count
                                  5, 6,      masked, masked,  // two
                                  9, masked, masked, masked};
  ValidEntries const valid{4, 2, 1};
  auto const apply = [&](InputScaling kind) {
    std::vector<double> x = train;
    InputScaler(kind, train, 3, 4, 0, valid).apply(x, 3, valid);
    return x;
  };
  std::vector<double> const values{1, 2, 3, 4, 5, 6, 9};
  double mean = 0, variance = 0;
  for (double const v : values) mean += v / 7;
  for (double const v : values) variance += (v - mean) * (v - mean) / 7;
  auto const standardized = apply(InputScaling::standardize);
  auto const per_feature = apply(InputScaling::per_feature);
  auto const unit = apply(InputScaling::unit_norm);
  std::vector<double> const column_mean{5, 4, 3, 4}, deviation{std::sqrt(32.0 / 3), 2, 1, 1};
  std::vector<double> const norms{std::sqrt(30.0), std::sqrt(61.0), 9};
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = 0; k < 4; ++k) {
      std::size_t const at = 4 * i + k;
      bool const counts = k < static_cast<std::size_t>(valid[i]);
      EXPECT_NEAR(standardized[at], counts ? (train[at] - mean) / std::sqrt(variance) : 0, 1e-14);
      EXPECT_NEAR(per_feature[at], counts ? (train[at] - column_mean[k]) / deviation[k] : 0, 1e-14);
      EXPECT_NEAR(unit[at], counts ? train[at] / norms[i] : 0, 1e-14);
      EXPECT_EQ(apply(InputScaling::none)[at], counts ? train[at] : 0);
    }
  }
  test::expect_input_error([&] { apply(InputScaling::zca); }, {"zca", "equal length"});
}

}  // namespace
}  // namespace widelimit::gram
