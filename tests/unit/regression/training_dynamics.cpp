/// \file
/// Ways of training without eigenvectors: differential equations, Krylov spaces, steps.
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "widelimit/regression/batch_order.hpp"
#include "widelimit/regression/flow_equation.hpp"
#include "widelimit/regression/function_space_training.hpp"
#include "widelimit/regression/krylov_flow.hpp"
#include "widelimit/regression/spectral_flow.hpp"

#include "support/kernel_problem.hpp"
#include "support/matrices.hpp"
#include "support/matrix_kernel.hpp"
#include "support/reference_file.hpp"

namespace widelimit::regression {
namespace {

using linalg::RowBlocks;

bool yes() {
  return true;
}

ReplicatedMatrix combined(ReplicatedMatrix a, double factor, ReplicatedMatrix const& b) {
  for (std::size_t k = 0; k < a.values.size(); ++k) a.values[k] += factor * b.values[k];
  return a;
}

double trace_mean(ReplicatedMatrix const& k) {
  double sum = 0;
  for (Index i = 0; i < k.rows; ++i) sum += k(i, i);
  return sum / static_cast<double>(k.rows);
}

class References : public testing::TestWithParam<std::string> {};

TEST_P(References, differential_equations_of_both_losses) {
  if (!std::filesystem::exists(WIDELIMIT_REFERENCE_KERNELS))
    GTEST_SKIP() << "no reference numbers (see WIDELIMIT_SHARED_DIR)";
  test::ReferenceFile const file(WIDELIMIT_REFERENCE_KERNELS);
  std::string const group = "/" + GetParam();
  auto const matrix = [&](std::string const& path, std::size_t k = 0) {
    auto const array = file.array(path);
    auto const rank = array.shape.size();
    ReplicatedMatrix a(array.shape[rank - 2], array.shape[rank - 1]);
    auto const count = static_cast<long>(a.values.size());
    auto const from = array.values.begin() + static_cast<long>(k) * count;
    a.values.assign(from, from + count);
    return a;
  };
  auto const k_dd = matrix(group + "/ntk_dd"), k_td = matrix(group + "/ntk_td");
  auto const f0 = matrix(group + "/f0_train"), f0_test = matrix(group + "/f0_test");
  test::MatrixKernel const kernel(runtime::Communicator::world(), k_dd);
  auto const n = static_cast<double>(k_dd.rows), outputs = static_cast<double>(f0.cols);
  for (auto const& name : file.names(group + "/gradient_descent")) {
    SCOPED_TRACE(name);
    std::string const path = group + "/gradient_descent/" + name;
    bool const squared = name.starts_with("mse"), summed = name.find("sum") != std::string::npos;
    FlowRule rule{.rate = file.number(path, "learning_rate"),
                  .loss_scale = summed ? 1 / n : 1 / (n * outputs)};
    if (name.find("momentum") != std::string::npos) rule.momentum = file.number(path, "momentum");
    auto const y = matrix(group + (squared ? "/y_train" : "/y_train_onehot"));
    FlowEquation const equation(kernel, squared ? Loss::squared : Loss::softmax, rule,
                                kernel.local(f0), kernel.local(y), f0.cols,
                                *largest_eigenvalue(kernel, 30, 1e-6, yes), trace_mean(k_dd));
    auto const solver = equation.solver(1e-10, yes);
    auto state = equation.start();
    auto const times = file.array(path + "/t").values;
    for (std::size_t k = 0; k < times.size(); ++k) {
      ASSERT_EQ(solver.run(state, times[k], [](auto const&) { return false; }),
                linalg::AdaptiveOde::End::reached);
      auto const a = kernel.whole(equation.coefficients(state), f0.cols);
      auto const test = combined(f0_test, 1, test::product(k_td, a));
      EXPECT_LT(test::relative_difference(kernel.whole(equation.outputs(state), f0.cols),
                                          matrix(path + "/f_train_tight", k)),
                1e-8);
      EXPECT_LT(test::relative_difference(test, matrix(path + "/f_test_tight", k)), 1e-8);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Groups, References, testing::Values("predict_relu_mlp", "predict_erf_mlp"),
                         [](auto const& info) { return info.param; });

/// A kernel with a spectrum from 10 down to 1e-4, targets and outputs before training.
struct Case {
  static constexpr Index n = 60, outputs = 2;
  ReplicatedMatrix k, f0 = test::random_matrix(n, outputs, 2),
                      y = test::random_matrix(n, outputs, 3);
  Case() : k(n, n) {
    auto const spd = test::random_spd(n, n, 0.2, 1);
    auto const system = linalg::symmetric_eigen(test::distribute<double>(spd, 16));
    auto const v = system.vectors.gather();
    for (Index i = 0; i < n; ++i)
      for (Index j = 0; j < n; ++j)
        for (Index m = 0; m < n; ++m)
          k(i, j) += v(i, m) * v(j, m) * 10 * std::pow(1e-5, static_cast<double>(m) / (n - 1));
  }
};

TEST(KrylovFlow, agrees_with_eigenvectors_with_and_without_restarts) {
  Case const c;
  test::MatrixKernel const kernel(runtime::Communicator::world(), c.k);
  double const ridge = 1e-3;
  auto const product = [&](double const* x, Index columns, double* y) {
    if (!kernel.multiply(x, columns, y, yes)) return false;
    for (Index i = 0; i < kernel.rows().local_size() * columns; ++i) y[i] += ridge * x[i];
    return true;
  };
  std::vector<double> const times{0, 0.5, 30, 4000, GradientFlow::forever};
  for (bool const momentum : {false, true}) {
    GradientFlow law{.rate = 0.7, .scale = 1.0 / Case::n};
    if (momentum) law.momentum = 0.8;
    SpectralFlow const exact(test::distribute<double>(c.k, 16, linalg::Part::lower), ridge, law);
    auto const residual = combined(c.y, -1, c.f0);
    for (Index const vectors : {12, 60}) {
      if (momentum && vectors < 60) continue;
      KrylovFlow const flow(kernel.rows(), product, law, Case::outputs,
                            {.tolerance = 1e-9, .most_vectors = vectors});
      KrylovState state;
      state.residual = kernel.local(residual);
      state.a.assign(state.residual.size(), 0.0);
      auto scale = kernel.rows().dots(state.residual.data(), state.residual.data(), Case::outputs);
      for (double& s : scale) s = std::sqrt(s);
      std::size_t visited = 0;
      auto const wanted =
          vectors < 60 ? std::vector<double>(times.begin(), times.end() - 1) : times;
      auto const end = flow.run(
          state, wanted, scale,
          [&](double time, std::vector<double> const& a, std::vector<double> const& r) {
            EXPECT_EQ(time, times[visited++]);
            auto const found = kernel.whole(a, Case::outputs);
            auto const left = kernel.whole(r, Case::outputs);
            EXPECT_LT(
                test::relative_difference(
                    combined(combined(test::product(c.k, found), ridge, found), 1, left), residual),
                1e-7);
            auto const right = exact.displacement(residual, time);
            auto const image = test::product(c.k, found);
            for (std::size_t i = 0; i < right.values.size(); ++i)
              EXPECT_NEAR(image.values[i], right.values[i], 1e-7);
          });
      EXPECT_EQ(end, KrylovFlow::End::reached);
      EXPECT_EQ(visited, wanted.size());
    }
  }
}

TEST(KrylovFlow, error_stays_below_its_bound) {
  Case const c;
  test::MatrixKernel const kernel(runtime::Communicator::world(), c.k);
  GradientFlow const law{.rate = 1, .scale = 1.0 / Case::n};
  SpectralFlow const exact(test::distribute<double>(c.k, 16, linalg::Part::lower), 0, law);
  auto const product = [&](double const* x, Index columns, double* y) {
    return kernel.multiply(x, columns, y, yes);
  };
  ReplicatedMatrix column(Case::n, 1);
  for (Index i = 0; i < Case::n; ++i) column(i, 0) = c.y(i, 0);
  for (double const tolerance : {1e-2, 1e-4, 1e-6}) {
    KrylovFlow const flow(kernel.rows(), product, law, 1, {.tolerance = tolerance});
    KrylovState state;
    state.residual = kernel.local(column);
    state.a.assign(state.residual.size(), 0.0);
    double const size =
        std::sqrt(kernel.rows().dots(state.residual.data(), state.residual.data(), 1)[0]);
    double const time = 200;
    flow.run(state, {time}, {size}, [&](double, auto const&, std::vector<double> const& residual) {
      auto const r = kernel.whole(residual, 1);
      auto const right = combined(column, -1, exact.displacement(column, time));
      double error = 0;
      for (Index i = 0; i < Case::n; ++i) error += std::pow(r(i, 0) - right(i, 0), 2);
      EXPECT_LE(std::sqrt(error), tolerance * size);
    });
    EXPECT_LE(state.error, tolerance);
    EXPECT_LT(state.products, Case::n);
  }
}

/// Training of the weights of a linear model f = f₀ + J·(w - w₀) whose kernel is J·Jᵀ, by the rule
/// as it stands in StepRule.
struct LinearModel {
  ReplicatedMatrix jacobian, f0, y, w, v;
  StepRule rule;

  ReplicatedMatrix outputs() const { return combined(f0, 1, test::product(jacobian, w)); }
  void step(Loss loss, std::vector<Index> const& batch) {
    auto const f = outputs();
    ReplicatedMatrix gradient(w.rows, w.cols);
    double const scale =
        rule.loss_scale * static_cast<double>(f.rows) / static_cast<double>(batch.size());
    std::vector<double> g(static_cast<std::size_t>(f.cols));
    for (Index const point : batch) {
      loss_and_gradient(loss, f.row(point), y.row(point), f.cols, 1, g.data());
      for (Index p = 0; p < w.rows; ++p)
        for (Index c = 0; c < f.cols; ++c)
          gradient(p, c) += scale * jacobian(point, p) * g[static_cast<std::size_t>(c)];
    }
    gradient = combined(gradient, rule.decay, w);
    for (double& entry : v.values) entry *= rule.momentum;
    v = combined(v, 1, gradient);
    if (rule.nesterov) {
      w = combined(combined(w, -rule.rate, gradient), -rule.rate * rule.momentum, v);
    } else {
      w = combined(w, -rule.rate, v);
    }
  }
};

TEST(FunctionSpaceTraining, is_the_training_of_a_linear_model) {
  constexpr Index n = 30, parameters = 45, outputs = 3;
  auto const jacobian = test::random_matrix(n, parameters, 4);
  test::MatrixKernel const kernel(runtime::Communicator::world(),
                                  test::outer_product(jacobian, jacobian));
  auto const f0 = test::random_matrix(n, outputs, 5);
  auto y = test::random_matrix(n, outputs, 6);
  for (Index i = 0; i < n; ++i)
    for (Index c = 0; c < outputs; ++c) y(i, c) = c == i % outputs ? 1 : 0;
  for (Loss const loss : {Loss::squared, Loss::softmax, Loss::logistic}) {
    for (StepRule rule : {StepRule{.rate = 0.2}, StepRule{.rate = 0.2, .momentum = 0.7},
                          StepRule{.rate = 0.2, .momentum = 0.7, .nesterov = true},
                          StepRule{.rate = 0.2, .momentum = 0.5, .decay = 0.1}}) {
      rule.loss_scale = 1.0 / n;
      LinearModel model{jacobian,
                        f0,
                        y,
                        ReplicatedMatrix(parameters, outputs),
                        ReplicatedMatrix(parameters, outputs),
                        rule};
      FunctionSpaceTraining const training(kernel, loss, rule, kernel.local(f0), kernel.local(y),
                                           outputs);
      auto state = training.start();
      BatchOrder order(n, 7, 3);
      std::vector<Index> all;
      for (Index i = 0; i < n; ++i) all.push_back(i);
      for (Index step = 0; step < 25; ++step) {
        bool const whole = step % 6 == 5;
        auto const batch = whole ? all : order.batch(step);
        model.step(loss, batch);
        if (whole) {
          ASSERT_TRUE(training.step(state, yes));
        } else {
          training.step(state, batch);
        }
      }
      EXPECT_EQ(state.step, 25);
      EXPECT_LT(test::relative_difference(kernel.whole(training.outputs(state), outputs),
                                          model.outputs()),
                1e-12);
      // Coefficients give the outputs of any other point.
      EXPECT_LT(
          test::relative_difference(
              test::product(test::transpose(jacobian), kernel.whole(state.a, outputs)), model.w),
          1e-11);
    }
  }
}

TEST(FunctionSpaceTraining, small_steps_are_the_flow) {
  Case const c;
  test::MatrixKernel const kernel(runtime::Communicator::world(), c.k);
  GradientFlow const law{.rate = 1, .scale = 1.0 / Case::n};
  double const ridge = 0.05;
  SpectralFlow const exact(test::distribute<double>(c.k, 16, linalg::Part::lower), ridge, law);
  auto const right = exact.displacement(combined(c.y, -1, c.f0), 5);
  double before = 0;
  for (Index const steps : {400, 800}) {
    FunctionSpaceTraining const training(kernel, Loss::squared,
                                         {.rate = 5.0 / static_cast<double>(steps),
                                          .decay = ridge / Case::n,
                                          .loss_scale = law.scale},
                                         kernel.local(c.f0), kernel.local(c.y), Case::outputs);
    auto state = training.start();
    for (Index k = 0; k < steps; ++k) training.step(state, yes);
    double const error = test::relative_difference(kernel.whole(state.k_a, Case::outputs), right);
    EXPECT_LT(error, 5e-3);
    if (before > 0) {
      EXPECT_NEAR(before / error, 2, 0.1);
    }
    before = error;
  }
}

TEST(BatchOrder, each_epoch_has_every_point_once_and_depends_on_seed_and_epoch_alone) {
  BatchOrder order(10, 4, 5), same(10, 4, 5), other(10, 4, 6);
  EXPECT_EQ(order.steps_per_epoch(), 3);
  std::vector<Index> first, second;
  for (Index step = 0; step < 3; ++step)
    for (Index const point : order.batch(step)) first.push_back(point);
  for (Index step = 3; step < 6; ++step)
    for (Index const point : order.batch(step)) second.push_back(point);
  EXPECT_NE(first, second);
  EXPECT_NE(other.batch(0), order.batch(0));
  EXPECT_EQ(same.batch(4), order.batch(4));
  EXPECT_EQ(order.batch(2).size(), 2U);
  for (auto* points : {&first, &second}) {
    std::ranges::sort(*points);
    for (Index i = 0; i < 10; ++i) EXPECT_EQ((*points)[static_cast<std::size_t>(i)], i);
  }
}

TEST(BatchOrder, a_given_order_is_followed_and_repeated) {
  BatchOrder order({3, 1, 2, -1}, 2);
  EXPECT_EQ(order.batch(0), (std::vector<Index>{3, 1}));
  EXPECT_EQ(order.batch(1), (std::vector<Index>{2}));
  EXPECT_EQ(order.batch(2), (std::vector<Index>{3, 1}));
}

template <class Real>
class Rows : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Rows, Reals);

TYPED_TEST(Rows, stored_and_recomputed_multiply_as_the_matrix) {
  constexpr Index n = 701;
  auto const comm = runtime::Communicator::world();
  test::KernelProblem<TypeParam> const problem(n, 5, 2, 9);
  auto const whole = problem.matrix(gram::Kernel::ntk);
  test::MatrixKernel const right(comm, whole);
  StoredRows<TypeParam> const stored(RowBlocks(comm, n), problem.maker(gram::Kernel::ntk),
                                     [](Index) { return true; });
  RecomputedRows<TypeParam> const recomputed(RowBlocks(comm, n), problem.maker(gram::Kernel::ntk));
  EXPECT_TRUE(stored.complete());
  double const tolerance = sizeof(TypeParam) == 8 ? 1e-12 : 2e-6;
  auto const x = test::random_matrix(n, 3, 10);
  std::vector<Index> const batch{700, 3, 350, 4};
  auto const g = test::random_matrix(4, 3, 11);
  auto const expected = test::product(whole, x);
  std::vector<double> y(static_cast<std::size_t>(3 * right.rows().local_size())),
      expected_columns = y;
  right.multiply_columns(batch, g.values.data(), 3, expected_columns.data());
  for (TrainingKernel const* kernel :
       std::initializer_list<TrainingKernel const*>{&stored, &recomputed}) {
    ASSERT_TRUE(kernel->multiply(right.local(x).data(), 3, y.data(), yes));
    EXPECT_LT(test::relative_difference(right.whole(y, 3), expected), tolerance);
    kernel->multiply_columns(batch, g.values.data(), 3, y.data());
    EXPECT_LT(test::relative_difference(right.whole(y, 3), right.whole(expected_columns, 3)),
              tolerance);
  }
  auto const largest = *largest_eigenvalue(stored, 40, 1e-9, yes);
  auto const system =
      linalg::symmetric_eigen(test::distribute<double>(whole, 64, linalg::Part::lower));
  EXPECT_NEAR(largest / system.values.back(), 1, tolerance);
}

}  // namespace
}  // namespace widelimit::regression
