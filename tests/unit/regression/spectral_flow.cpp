#include "widelimit/regression/spectral_flow.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "widelimit/linalg/products.hpp"

#include "support/matrices.hpp"
#include "support/reference_file.hpp"

namespace widelimit::regression {
namespace {

using linalg::Part;
constexpr Index block = 8;

/// The cases of one group of the reference file; each rank reads for itself.
class References : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(WIDELIMIT_REFERENCE_KERNELS))
      GTEST_SKIP() << "no reference numbers (see WIDELIMIT_SHARED_DIR)";
    file_.emplace(WIDELIMIT_REFERENCE_KERNELS);
  }

  std::string group() const { return "/" + GetParam(); }

  /// Slice `k` of an array of matrices, or a whole matrix.
  ReplicatedMatrix matrix(std::string const& path, std::size_t k = 0) const {
    auto const array = file_->array(path);
    auto const rank = array.shape.size();
    ReplicatedMatrix a(array.shape[rank - 2], array.shape[rank - 1]);
    auto const count = static_cast<long>(a.values.size());
    auto const from = array.values.begin() + static_cast<long>(k) * count;
    a.values.assign(from, from + count);
    return a;
  }
  ReplicatedMatrix in_group(std::string const& name) const { return matrix(group() + name); }

  DistributedMatrix<double> distributed(std::string const& name, Part part = Part::all) const {
    return test::distribute<double>(in_group(name), block, part);
  }
  /// Of a td matrix, the dt one.
  DistributedMatrix<double> transposed(std::string const& name) const {
    return test::distribute<double>(test::transpose(in_group(name)), block);
  }

  double tolerance(std::string const& kernel) const {
    double const condition = file_->number(group(), ("condition_number_" + kernel + "_dd").c_str());
    return 1e-9 * std::max(1.0, condition / 1e3);
  }

  double ridge(std::string const& path, ReplicatedMatrix const& kernel) const {
    double const value = path.find("reg0") != std::string::npos ? 0 : 1e-3;
    if (path.find("reg_rel") == std::string::npos) return value;
    double trace = 0;
    for (Index i = 0; i < kernel.rows; ++i) trace += kernel(i, i);
    return value * trace / static_cast<double>(kernel.rows);
  }

  double scale() const {
    auto const y = in_group("/y_train");
    return 1 / static_cast<double>(y.rows * y.cols);
  }

  std::optional<test::ReferenceFile> file_;
};

ReplicatedMatrix minus(ReplicatedMatrix a, ReplicatedMatrix const& b, double factor = 1) {
  for (std::size_t k = 0; k < a.values.size(); ++k) a.values[k] -= factor * b.values[k];
  return a;
}

TEST_P(References, flow_of_the_squared_error) {
  auto const y = in_group("/y_train");
  for (auto const& name : file_->names(group() + "/gradient_descent_mse")) {
    SCOPED_TRACE(name);
    std::string const path = group() + "/gradient_descent_mse/" + name;
    std::string const kernel = name.substr(0, name.find('_'));
    bool const from_zero = name.ends_with("zero");
    auto f0 = in_group("/f0_train"), f0_test = in_group("/f0_test");
    if (from_zero) f0 = minus(f0, f0), f0_test = minus(f0_test, f0_test);
    double const lambda = ridge(path, in_group("/" + kernel + "_dd"));
    SpectralFlow const flow(distributed("/" + kernel + "_dd", Part::lower), lambda,
                            {.rate = file_->number(path, "learning_rate"), .scale = scale()});
    EXPECT_EQ(flow.null_directions(), 0);
    auto const residual = minus(y, f0);
    auto const times = file_->array(path + "/t").values;
    for (std::size_t k = 0; k < times.size(); ++k) {
      auto const a = flow.coefficients(residual, times[k]);
      auto const train = minus(f0, flow.displacement(residual, times[k]), -1);
      auto const test = minus(f0_test, test::product(in_group("/" + kernel + "_td"), a), -1);
      EXPECT_LT(test::relative_difference(test, matrix(path + "/f_test", k)), tolerance(kernel));
      EXPECT_LT(test::relative_difference(train, matrix(path + "/f_train_regularized", k)),
                tolerance(kernel));
      EXPECT_LT(test::relative_difference(minus(train, a, -lambda), matrix(path + "/f_train", k)),
                tolerance(kernel));
    }
  }
}

TEST_P(References, flow_with_momentum) {
  auto const y = in_group("/y_train"), f0 = in_group("/f0_train");
  for (std::string const name :
       {"mse_ntk_lr1", "mse_ntk_lr1_momentum0.9", "mse_ntk_lr0.1_momentum0.5"}) {
    std::string const path = group() + "/gradient_descent/" + name;
    SCOPED_TRACE(name);
    GradientFlow law{.rate = file_->number(path, "learning_rate"), .scale = scale()};
    if (name.find("momentum") != std::string::npos) law.momentum = file_->number(path, "momentum");
    SpectralFlow const flow(distributed("/ntk_dd", Part::lower), 0, law);
    auto const times = file_->array(path + "/t").values;
    for (std::size_t k = 0; k < times.size(); ++k) {
      auto const a = flow.coefficients(minus(y, f0), times[k]);
      auto const test = minus(in_group("/f0_test"), test::product(in_group("/ntk_td"), a), -1);
      auto const train = minus(f0, flow.displacement(minus(y, f0), times[k]), -1);
      EXPECT_LT(test::relative_difference(train, matrix(path + "/f_train_tight", k)), 1e-8);
      EXPECT_LT(test::relative_difference(test, matrix(path + "/f_test_tight", k)), 1e-8);
    }
  }
}

TEST_P(References, ensembles_of_networks) {
  auto const y = in_group("/y_train");
  for (auto const& name : file_->names(group() + "/gradient_descent_mse_ensemble")) {
    SCOPED_TRACE(name);
    std::string const path = group() + "/gradient_descent_mse_ensemble/" + name;
    std::string const kernel = name.substr(0, name.find('_'));
    bool const all = kernel == "ntk";
    SpectralFlow const flow(distributed("/" + kernel + "_dd", Part::lower),
                            ridge(path, in_group("/" + kernel + "_dd")),
                            {.rate = file_->number(path, "learning_rate"), .scale = scale()});
    std::optional<DistributedMatrix<double>> nngp_dd, nngp_dt;
    if (all) nngp_dd.emplace(distributed("/nngp_dd", Part::lower));
    if (all) nngp_dt.emplace(transposed("/nngp_td"));
    EnsembleFlow ensemble(flow, all ? EnsembleFlow::Trained::all : EnsembleFlow::Trained::readout,
                          std::move(nngp_dd));
    ensemble.set_test(transposed("/" + kernel + "_td"), nngp_dt,
                      distributed("/nngp_tt", Part::lower));
    auto const lower = [](ReplicatedMatrix a) {
      for (Index i = 0; i < a.rows; ++i)
        for (Index j = i + 1; j < a.cols; ++j) a(i, j) = a(j, i);
      return a;
    };
    auto const times = file_->array(path + "/t").values;
    double const prior = 1e-12 * file_->array(group() + "/nngp_tt").values[0];
    for (std::size_t k = 0; k < times.size(); ++k) {
      auto const a = flow.coefficients(y, times[k]);
      EXPECT_LT(test::relative_difference(test::product(in_group("/" + kernel + "_td"), a),
                                          matrix(path + "/mean_test", k)),
                tolerance(kernel));
      EXPECT_LT(test::relative_difference(lower(ensemble.test_covariance(times[k]).gather()),
                                          matrix(path + "/cov_test", k)),
                tolerance(kernel));
      auto const train = lower(ensemble.train_covariance_with_ridge(times[k]).gather());
      auto const expected = matrix(path + "/cov_train", k);
      for (std::size_t i = 0; i < train.values.size(); ++i)
        ASSERT_NEAR(train.values[i], expected.values[i],
                    prior + tolerance(kernel) * std::abs(expected.values[0]));
      if (flow.ridge() == 0) {
        auto const same = lower(ensemble.train_covariance(times[k]).gather());
        for (std::size_t i = 0; i < train.values.size(); ++i)
          ASSERT_NEAR(train.values[i], same.values[i], 1e3 * prior);
      }
    }
  }
}

TEST_P(References, largest_rates) {
  SpectralFlow const flow(distributed("/ntk_dd", Part::lower), 0, {});
  auto const momenta = file_->array(group() + "/max_learning_rate/momentum").values;
  auto const expected = file_->array(group() + "/max_learning_rate/value").values;
  for (std::size_t k = 0; k < momenta.size(); ++k)
    EXPECT_NEAR(largest_stable_rate(flow.largest_eigenvalue(), scale(), momenta[k]) / expected[k],
                1, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Groups, References, testing::Values("predict_relu_mlp", "predict_erf_mlp"),
                         [](auto const& info) { return info.param; });

/// The trained ensemble with a ridge, by the definition: f = f₀ + K·a, a = V·c·Vᵀ·(y - f₀).
TEST(EnsembleFlow, covariance_at_training_points_is_that_of_the_outputs) {
  constexpr Index n = 24;
  auto const k = test::random_spd(n, n, 0.3, 5), q = test::random_spd(n, n, 0.2, 6);
  SpectralFlow const flow(test::distribute<double>(k, block, Part::lower), 0.4,
                          {.rate = 1, .scale = 1.0 / n});
  EnsembleFlow const ensemble(flow, EnsembleFlow::Trained::all,
                              test::distribute<double>(q, block, Part::lower));
  for (double const time : {0.0, 5.0, GradientFlow::forever}) {
    ReplicatedMatrix identity(n, n);
    for (Index i = 0; i < n; ++i) identity(i, i) = 1;
    auto const map = minus(identity, flow.displacement(identity, time));
    auto const expected = test::product(test::product(map, q), test::transpose(map));
    auto found = ensemble.train_covariance(time).gather();
    for (Index i = 0; i < n; ++i)
      for (Index j = i + 1; j < n; ++j) found(i, j) = found(j, i);
    EXPECT_LT(test::relative_difference(found, expected), 1e-12);
  }
}

TEST(SpectralFlow, equal_points_are_fitted_by_their_mean_at_infinity) {
  auto k = test::random_spd(9, 9, 0.5, 7);
  for (Index i = 0; i < 9; ++i) k(8, i) = k(i, 8) = k(i, 3);
  k(8, 8) = k(3, 3);
  SpectralFlow const flow(test::distribute<double>(k, block, Part::lower), 0, {});
  EXPECT_EQ(flow.null_directions(), 1);
  auto const y = test::random_matrix(9, 2, 8);
  auto const f = flow.displacement(y, GradientFlow::forever);
  for (Index c = 0; c < 2; ++c) {
    EXPECT_NEAR(f(3, c), (y(3, c) + y(8, c)) / 2, 1e-12);
    EXPECT_NEAR(f(8, c), f(3, c), 1e-12);
    EXPECT_NEAR(f(1, c), y(1, c), 1e-12);
  }
}

/// The law with momentum by small steps of the midpoint rule.
TEST(GradientFlow, momentum_follows_its_differential_equation) {
  for (double const kappa : {0.0, 1e-9, 0.01, 0.2499999, 0.25, 0.2500001, 3.0}) {
    for (double const momentum : {0.0, 0.5, 0.9}) {
      GradientFlow const law{.rate = 4, .scale = 0.5, .momentum = momentum};
      double const end = 3 * std::sqrt(law.rate), gamma = (1 - momentum) / std::sqrt(law.rate);
      constexpr int steps = 20000;
      double const ds = end / steps;
      double a = 0, v = 0;
      for (int k = 0; k < steps; ++k) {
        double const push = law.scale * (1 - kappa * a) - gamma * v;
        double const a_half = a + ds / 2 * v, v_half = v + ds / 2 * push;
        a += ds * v_half;
        v += ds * (law.scale * (1 - kappa * a_half) - gamma * v_half);
      }
      EXPECT_NEAR(law.coefficient(kappa, 3) / a, 1, 1e-6) << kappa << " " << momentum;
      EXPECT_NEAR(law.remaining(kappa, 3), 1 - kappa * a, 1e-6);
    }
  }
}

}  // namespace
}  // namespace widelimit::regression
