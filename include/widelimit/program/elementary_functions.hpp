/// \file
/// The elementary functions of expressions, each with its name, its value on every back end, and
/// its slope. To add one, write its struct here and put it into ElementaryFunctions.
#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/numerical_functions.hpp"
#include "widelimit/kernels/transcendental.hpp"
#include "widelimit/program/expression.hpp"

namespace widelimit::program {

/// Elementary functions: `value(x)` or `value(x, y)`, in a form that vectorises; `slope(x, f)`,
/// the derivative where f = value(x), or `slope(operand, x, y, f)` for two operands.
namespace elementary {

// The operators of the language, then the functions, by name.

struct Negate {
  static constexpr std::string_view name = "negate";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return -x;
  }
  static Expression slope(Expression const&, Expression const&) { return -1; }
};

struct Add {
  static constexpr std::string_view name = "add";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x, Real y) {
    return x + y;
  }
  static Expression slope(int, Expression const&, Expression const&, Expression const&) {
    return 1;
  }
};

struct Subtract {
  static constexpr std::string_view name = "subtract";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x, Real y) {
    return x - y;
  }
  static Expression slope(int operand, Expression const&, Expression const&, Expression const&) {
    return operand == 0 ? 1 : -1;
  }
};

struct Multiply {
  static constexpr std::string_view name = "multiply";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x, Real y) {
    return x * y;
  }
  static Expression slope(int operand, Expression const& x, Expression const& y,
                          Expression const&) {
    return operand == 0 ? y : x;
  }
};

struct Divide {
  static constexpr std::string_view name = "divide";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x, Real y) {
    return x / y;
  }
  static Expression slope(int operand, Expression const&, Expression const& y,
                          Expression const& f) {
    return operand == 0 ? 1 / y : -(f / y);
  }
};

/// x^y for x > 0, and 0 for x = 0 and y > 0; NaN for negative x (whole constant powers are made of
/// products instead).
struct Power {
  static constexpr std::string_view name = "power";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x, Real y) {
    return kernels::exponential(y * kernels::logarithm(x));
  }
  static Expression slope(int operand, Expression const& x, Expression const& y,
                          Expression const& f);
};

struct Exp {
  static constexpr std::string_view name = "exp";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::exponential(x);
  }
  static Expression slope(Expression const&, Expression const& f) { return f; }
};

/// exp(x) - 1, accurate near 0.
struct ExpMinusOne {
  static constexpr std::string_view name = "expm1";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    constexpr Real highest = kernels::detail::Bits<Real>::highest;
    return -kernels::one_minus_exp_of_minus(-(x > highest ? highest : x));
  }
  static Expression slope(Expression const&, Expression const& f) { return f + 1; }
};

struct Log {
  static constexpr std::string_view name = "log";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::logarithm(x);
  }
  static Expression slope(Expression const& x, Expression const&) { return 1 / x; }
};

inline Expression Power::slope(int operand, Expression const& x, Expression const& y,
                               Expression const& f) {
  if (operand == 0) return y * Expression::call(name, std::array<Expression, 2>{x, y - 1});
  return f * Expression::call(Log::name, std::array<Expression, 1>{x});
}

struct Sqrt {
  static constexpr std::string_view name = "sqrt";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return Kokkos::sqrt(x);
  }
  static Expression slope(Expression const&, Expression const& f) { return 0.5 / f; }
};

struct Cos;
struct Sin {
  static constexpr std::string_view name = "sin";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::sine(x);
  }
  static Expression slope(Expression const& x, Expression const&) {
    return Expression::call("cos", std::array<Expression, 1>{x});
  }
};

struct Cos {
  static constexpr std::string_view name = "cos";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::cosine(x);
  }
  static Expression slope(Expression const& x, Expression const&) {
    return -Expression::call(Sin::name, std::array<Expression, 1>{x});
  }
};

struct Tanh {
  static constexpr std::string_view name = "tanh";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::evaluate<network::NumericalFunction::tanh>(x).value;
  }
  static Expression slope(Expression const&, Expression const& f) { return 1 - f * f; }
};

/// 1/(1 + exp(-x)).
struct Sigmoid {
  static constexpr std::string_view name = "sigmoid";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::evaluate<network::NumericalFunction::sigmoid>(x).value;
  }
  static Expression slope(Expression const&, Expression const& f) { return f * (1 - f); }
};

/// log(1 + exp(x)).
struct Softplus {
  static constexpr std::string_view name = "softplus";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::evaluate<network::NumericalFunction::softplus>(x).value;
  }
  static Expression slope(Expression const& x, Expression const&) {
    return Expression::call(Sigmoid::name, std::array<Expression, 1>{x});
  }
};

struct Erf {
  static constexpr std::string_view name = "erf";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::error_function(x);
  }
  static Expression slope(Expression const& x, Expression const&) {
    return 1.1283791670955126 * Expression::call(Exp::name, std::array<Expression, 1>{-(x * x)});
  }
};

/// The distribution function of the normal distribution.
struct NormalCdf {
  static constexpr std::string_view name = "normal_cdf";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return kernels::normal_distribution(x);
  }
  static Expression slope(Expression const& x, Expression const&) {
    return 0.39894228040143268 *
           Expression::call(Exp::name, std::array<Expression, 1>{-0.5 * (x * x)});
  }
};

/// 1 for x > 0, else 0.
struct Step {
  static constexpr std::string_view name = "step";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return x > 0 ? Real(1) : (x <= 0 ? Real(0) : x);  // a NaN stays one
  }
  static Expression slope(Expression const&, Expression const&) { return 0; }
};

struct Sign {
  static constexpr std::string_view name = "sign";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return x > 0 ? Real(1) : (x < 0 ? Real(-1) : x);  // 0 and NaN stay
  }
  static Expression slope(Expression const&, Expression const&) { return 0; }
};

struct Abs {
  static constexpr std::string_view name = "abs";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x) {
    return Kokkos::fabs(x);
  }
  static Expression slope(Expression const& x, Expression const&) {
    return Expression::call(Sign::name, std::array<Expression, 1>{x});
  }
};

/// The larger one, the second where both are equal.
struct Max {
  static constexpr std::string_view name = "max";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x, Real y) {
    return x <= y ? y : x;
  }
  static Expression slope(int operand, Expression const& x, Expression const& y,
                          Expression const&) {
    auto const first = Expression::call(Step::name, std::array<Expression, 1>{x - y});
    return operand == 0 ? first : 1 - first;
  }
};

/// The smaller one, the second where both are equal.
struct Min {
  static constexpr std::string_view name = "min";
  template <class Real>
  KOKKOS_FORCEINLINE_FUNCTION static Real value(Real x, Real y) {
    return x >= y ? y : x;
  }
  static Expression slope(int operand, Expression const& x, Expression const& y,
                          Expression const&) {
    auto const first = Expression::call(Step::name, std::array<Expression, 1>{y - x});
    return operand == 0 ? first : 1 - first;
  }
};

}  // namespace elementary

/// All elementary functions; the place in this list is the code of ExpressionNode and of compiled
/// code.
using ElementaryFunctions =
    std::tuple<elementary::Negate, elementary::Add, elementary::Subtract, elementary::Multiply,
               elementary::Divide, elementary::Power, elementary::Exp, elementary::ExpMinusOne,
               elementary::Log, elementary::Sqrt, elementary::Sin, elementary::Cos,
               elementary::Tanh, elementary::Sigmoid, elementary::Softplus, elementary::Erf,
               elementary::NormalCdf, elementary::Step, elementary::Sign, elementary::Abs,
               elementary::Max, elementary::Min>;

inline constexpr int elementary_function_count = std::tuple_size_v<ElementaryFunctions>;

/// Whether a function takes two operands.
template <class F>
inline constexpr bool is_binary = requires {
  F::value(1.0, 1.0);
};

namespace detail {

template <class F, std::size_t... k>
constexpr int code_of(std::index_sequence<k...>) {
  return (
      (std::is_same_v<F, std::tuple_element_t<k, ElementaryFunctions>> ? static_cast<int>(k) : 0) +
      ...);
}

template <class Visitor, std::size_t... k>
KOKKOS_FORCEINLINE_FUNCTION void visit_function(int code, Visitor const& visit,
                                                std::index_sequence<k...>) {
  (void)((code == static_cast<int>(k) &&
          (visit(std::tuple_element_t<k, ElementaryFunctions>{}), true)) ||
         ...);
}

}  // namespace detail

/// The code of a function.
template <class F>
inline constexpr int function_code =
    detail::code_of<F>(std::make_index_sequence<elementary_function_count>{});

/// Calls visit(F{}) with the function of this code.
template <class Visitor>
KOKKOS_FORCEINLINE_FUNCTION void visit_function(int code, Visitor const& visit) {
  detail::visit_function(code, visit, std::make_index_sequence<elementary_function_count>{});
}

}  // namespace widelimit::program
