/// \file
/// Random smooth expressions, of bounded values and slopes for arguments of order one.
#pragma once

#include <random>

#include "widelimit/program/expression.hpp"

namespace widelimit::test {

/// An expression of `arguments` arguments, functions nested up to `depth` deep.
inline program::Expression random_expression(std::mt19937_64& engine, int arguments, int depth) {
  using program::Expression;
  auto const pick = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine); };
  auto const inner = [&] { return random_expression(engine, arguments, depth - 1); };
  if (depth == 0 || pick(6) == 0)
    return pick(5) == 0 ? Expression(std::uniform_real_distribution<double>(-1, 1)(engine))
                        : Expression::argument(pick(arguments));
  auto const call = [&](char const* name, Expression const& x) {
    return Expression::call(name, std::span<Expression const>(&x, 1));
  };
  switch (pick(12)) {
    case 0:
      return inner() + inner();
    case 1:
      return inner() - inner();
    case 2:
      return -inner();
    case 3:
      return call("tanh", inner());
    case 4:
      return call("erf", inner());
    case 5:
      return call("sin", inner());
    case 6:
      return call("cos", inner());
    case 7:
      return call("gelu", call("tanh", inner()));
    case 8:
      return call("softplus", call("sin", inner()));
    case 9:
      return call("log", 1.5 + call("cos", inner()));
    case 10:
      return inner() / call("sqrt", 1 + call("exp", call("sin", inner())));
    default:
      return call("tanh", inner()) * call("tanh", inner());
  }
}

}  // namespace widelimit::test
