/// \file
/// Expressions: text, simplification, derivatives.
#include "widelimit/program/expression.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"
#include "support/random_expression.hpp"

namespace widelimit::program {
namespace {

std::vector<std::string> const xyz{"x", "y", "z"};

Expression parse(std::string const& text) {
  return parse_expression(text, xyz);
}

double value(std::string const& text, double x = 0, double y = 0) {
  return parse(text).evaluate(std::vector<double>{x, y, 0});
}

TEST(Expression, binds_operators_as_usual) {
  EXPECT_EQ(value("1 + 2*3"), 7);
  EXPECT_EQ(value("2 - 3 - 4"), -5);
  EXPECT_EQ(value("12/3/2"), 2);
  EXPECT_EQ(value("-x^2", 3), -9);
  EXPECT_EQ(value("2^-1"), 0.5);
  EXPECT_EQ(value("2^3^2"), 512);
  EXPECT_EQ(value("(1 + x)*-y", 2, 5), -15);
  EXPECT_EQ(value("1e-3*x", 2), 2e-3);
  EXPECT_EQ(value("max(x, y) - min(x, y)", 2, 5), 3);
}

TEST(Expression, functions_agree_with_the_library) {
  auto const near = [](double a, double b) { EXPECT_NEAR(a, b, 4e-16 * (1 + std::fabs(b))); };
  for (double const x : {-3.7, -1.0, -1e-3, 0.0, 0.4, 1.0, 2.9, 8.0}) {
    auto const cdf = std::erfc(-x / std::sqrt(2.0)) / 2, sigmoid = 1 / (1 + std::exp(-x));
    near(value("sin(x)", x), std::sin(x));
    near(value("cos(x)", x), std::cos(x));
    near(value("exp(x)", x), std::exp(x));
    near(value("expm1(x)", x), std::expm1(x));
    near(value("tanh(x)", x), std::tanh(x));
    near(value("erf(x)", x), std::erf(x));
    near(value("sigmoid(x)", x), sigmoid);
    near(value("softplus(x)", x), std::log1p(std::exp(x)));
    near(value("normal_cdf(x)", x), cdf);
    near(value("normal_pdf(x)", x), std::exp(-x * x / 2) / std::sqrt(2 * M_PI));
    near(value("abs(x)", x), std::fabs(x));
    near(value("sign(x)", x), (x > 0) - (x < 0));
    near(value("step(x)", x), x > 0 ? 1 : 0);
    near(value("relu(x)", x), x > 0 ? x : 0);
    near(value("leaky_relu(x, 0.1)", x), x > 0 ? x : 0.1 * x);
    near(value("gelu(x)", x), x * cdf);
    near(value("swish(x)", x), x * sigmoid);
    near(value("elu(x)", x), x > 0 ? x : std::expm1(x));
    near(value("selu(x)", x),
         1.0507009873554804934 * (x > 0 ? x : 1.6732632423543772848 * std::expm1(x)));
    near(value("mish(x)", x), x * std::tanh(std::log1p(std::exp(x))));
    near(value("x^7", x), std::pow(x, 7));
    if (x <= 0) continue;
    near(value("log(x)", x), std::log(x));
    near(value("sqrt(x)", x), std::sqrt(x));
    EXPECT_NEAR(value("x^0.3", x) / std::pow(x, 0.3), 1, 2e-15);
    EXPECT_NEAR(value("x^y", x, 1.7) / std::pow(x, 1.7), 1, 2e-15);
  }
}

TEST(Expression, folds_constants_and_drops_neutral_elements) {
  auto const same = [](std::string const& a, std::string const& b) {
    EXPECT_EQ(parse(a), parse(b)) << a << "  " << b;
  };
  same("x + 0", "x");
  same("1*x", "x");
  same("0*exp(x)", "0");
  same("x/1", "x");
  same("x - x", "0");
  same("--x", "x");
  same("x + -y", "x - y");
  same("2*3 + x", "6 + x");
  same("x^1", "x");
  same("x^2", "x*x");
  same("x^0", "1");
  same("x^-1", "1/x");
  EXPECT_EQ(parse("tanh(x)*tanh(x)").nodes().size(), 3U);
  EXPECT_EQ(parse("(x + y)*(y + x)").nodes().size(), 4U);
  EXPECT_FALSE(parse("1/0").is_constant());
}

TEST(Expression, prints_what_it_parses) {
  for (auto const* text : {"x + y*z", "(x + y)*z", "x - (y - z)", "x - (y + z)", "x/(y*z)",
                           "-tanh(x)*y", "x*(-y + z)", "max(x, -2)", "x^y", "(-x)^y^z",
                           "2*x - 1e-20*y", "sqrt(x) - (-3)*step(y)", "x/y/z", "-(x + y)"}) {
    auto const first = parse(text);
    EXPECT_EQ(parse(to_string(first, xyz)), first) << text << "  " << to_string(first, xyz);
  }
  std::mt19937_64 engine(3);
  for (int k = 0; k < 300; ++k) {
    auto const first = test::random_expression(engine, 3, 4);
    EXPECT_EQ(parse(to_string(first, xyz)), first) << to_string(first, xyz);
  }
}

TEST(Expression, derivatives_agree_with_differences) {
  std::mt19937_64 engine(4);
  std::uniform_real_distribution<double> uniform(-2, 2);
  for (int k = 0; k < 300; ++k) {
    auto const f = test::random_expression(engine, 2, 4);
    std::vector<double> at{uniform(engine), uniform(engine)};
    for (int i = 0; i < 2; ++i) {
      auto const slope = f.derivative(i);
      auto const shifted = [&](double step) {
        auto there = at;
        there[static_cast<std::size_t>(i)] += step;
        return f.evaluate(there);
      };
      double const h = 1e-4;
      double const difference =
          (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h);
      double const value = slope.evaluate(at);
      EXPECT_NEAR(value, difference, 1e-6 * (1 + std::fabs(value)))
          << to_string(f, xyz) << " at " << at[0] << " " << at[1];
      EXPECT_EQ(slope.depends_on(2), false);
    }
  }
}

TEST(Expression, slopes_at_kinks_are_those_stated) {
  auto const slope = [](std::string const& text, double x) {
    return parse(text).derivative(0).evaluate(std::vector<double>{x, 0, 0});
  };
  EXPECT_EQ(slope("relu(x)", 0), 0);
  EXPECT_EQ(slope("relu(x)", 1e-300), 1);
  EXPECT_EQ(slope("abs(x)", 0), 0);
  EXPECT_EQ(slope("sign(x)", 0.5), 0);
  EXPECT_EQ(slope("step(x)", 0.5), 0);
  EXPECT_EQ(slope("max(x, x)", 3), 1);
  EXPECT_EQ(slope("min(x, y)", -1), 1);
}

TEST(Expression, substitutes_arguments) {
  auto const f = parse("x*tanh(y)");
  std::vector<Expression> const arguments{parse("y + 1"), parse("2*z")};
  EXPECT_EQ(f.substituted(arguments), parse("(y + 1)*tanh(2*z)"));
  EXPECT_EQ(f.argument_count(), 2);
  EXPECT_TRUE(Expression::argument(1).is_argument(1));
}

TEST(Expression, a_nan_stays_one) {
  double const nan = std::nan("");
  for (auto const name : function_names()) {
    auto const f = std::string(name);
    auto const text =
        f == "max" || f == "min" || f == "leaky_relu" || f == "power" ? f + "(x, 0.5)" : f + "(x)";
    EXPECT_TRUE(std::isnan(value(text, nan))) << text;
  }
}

TEST(Expression, refuses_what_is_no_expression) {
  auto const refused = [](std::string const& text, std::vector<std::string> const& fragments) {
    test::expect_input_error([&] { (void)parse(text); }, fragments);
  };
  refused("x +", {"expected a number, a name or `(`", "the end", "column 4"});
  refused("x y", {"expected an operator", "`y`", "column 3"});
  refused("(x", {"expected `)`"});
  refused("w + 1", {"unknown name `w`", "x, y, z"});
  refused("tanj(x)", {"unknown function `tanj`", "did you mean `tanh`?"});
  refused("tanh", {"expected `(` after the function `tanh`"});
  refused("tanh(x, y)", {"`tanh` takes 1 operand, but has 2"});
  refused("max(x)", {"`max` takes 2 operands, but has 1"});
  refused("relu()", {"`relu` takes 1 operand, but has 0"});
  refused("1e999", {"expected a finite number"});
  refused(std::string(100000, '('), {"nested more than"});
  refused(std::string(100000, '-') + "x", {"nested more than"});
  std::string long_sum = "x";
  for (int k = 0; k < 600; ++k) long_sum += "*" + std::to_string(k + 2) + "/y";
  refused(long_sum, {"more than 500 operations"});
}

}  // namespace
}  // namespace widelimit::program
