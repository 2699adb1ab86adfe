/// \file
/// Compiled expressions against the evaluation number by number.
#include "widelimit/program/code.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"
#include "support/random_expression.hpp"

namespace widelimit::program {
namespace {

/// ψ of `vectors` (n rows each) and `scalars`, by compiled code, in blocks of `width`.
template <class Real>
std::vector<Real> run(Expression const& psi, std::vector<std::vector<Real>> const& vectors,
                      std::vector<Real> const& scalars, int width) {
  auto const code =
      compile<Real>(psi, static_cast<int>(vectors.size()), static_cast<int>(scalars.size()));
  auto const n = static_cast<int>(vectors.front().size());
  std::vector<Real> registers(static_cast<std::size_t>(code.n_registers * width)),
      out(vectors.front().size());
  typename Code<Real>::Uniforms uniforms;
  code.prepare(scalars.data(), uniforms);
  for (int begin = 0; begin < n; begin += width) {
    std::vector<Real const*> pointers;
    for (auto const& v : vectors) pointers.push_back(v.data() + begin);
    code.run(0, std::min(width, n - begin), pointers.data(), uniforms, registers.data(), width,
             out.data() + begin);
  }
  return out;
}

template <class Real>
class CompiledCode : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(CompiledCode, Reals);

TYPED_TEST(CompiledCode, agrees_with_the_evaluation_number_by_number) {
  using Real = TypeParam;
  std::mt19937_64 engine(9);
  std::uniform_real_distribution<double> uniform(-2, 2);
  for (int trial = 0; trial < 200; ++trial) {
    auto const psi = test::random_expression(engine, 5, 5);  // 3 vectors, 2 scalars
    std::vector<std::vector<Real>> vectors(3, std::vector<Real>(37));
    for (auto& v : vectors)
      for (auto& x : v) x = static_cast<Real>(uniform(engine));
    std::vector<Real> const scalars{static_cast<Real>(uniform(engine)),
                                    static_cast<Real>(uniform(engine))};
    auto const values = run(psi, vectors, scalars, 16);
    for (std::size_t k = 0; k < values.size(); ++k) {
      std::vector<double> const at{vectors[0][k], vectors[1][k], vectors[2][k], scalars[0],
                                   scalars[1]};
      double const expected = psi.evaluate(at);
      EXPECT_NEAR(values[k], expected,
                  2000 * std::numeric_limits<Real>::epsilon() * (1 + std::fabs(expected)));
    }
  }
}

TYPED_TEST(CompiledCode, handles_expressions_without_an_operation) {
  using Real = TypeParam;
  std::vector<std::vector<Real>> const vectors{{1, 2, 3}, {4, 5, 6}};
  std::vector<Real> const scalars{7};
  EXPECT_EQ(run(Expression::argument(1), vectors, scalars, 2), vectors[1]);
  EXPECT_EQ(run(Expression(2.5), vectors, scalars, 2), (std::vector<Real>{2.5, 2.5, 2.5}));
  EXPECT_EQ(run(Expression::argument(2) + 1, vectors, scalars, 2), (std::vector<Real>{8, 8, 8}));
}

TYPED_TEST(CompiledCode, computes_what_needs_no_vector_once) {
  std::vector<std::string> const names{"x", "c"};
  auto const code = compile<TypeParam>(parse_expression("tanh(c)*x + exp(c)", names), 1, 1);
  EXPECT_EQ(code.n_uniform_operations, 2);
  EXPECT_EQ(code.n_operations, 4);
  EXPECT_EQ(code.n_registers, 1);
}

TEST(Code, says_what_is_too_large) {
  Expression sum;
  for (int k = 0; k < 200; ++k)
    sum =
        sum + Expression::call("sin", std::vector<Expression>{Expression::argument(0) * (k + 0.5)});
  test::expect_input_error([&] { (void)compile<double>(sum, 1, 0); },
                           {"more than 96 constants", "split it"});
  Expression nested = Expression::argument(0);
  for (int k = 0; k < 200; ++k) nested = Expression::call("sin", std::vector<Expression>{nested});
  test::expect_input_error([&] { (void)compile<double>(nested, 1, 0); },
                           {"more than 160 operations"});
  test::expect_input_error([&] { (void)compile<double>(Expression::argument(64), 65, 0); },
                           {"more than 64 arguments"});
}

}  // namespace
}  // namespace widelimit::program
