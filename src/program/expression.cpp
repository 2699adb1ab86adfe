#include "widelimit/program/expression.hpp"

#include <algorithm>

#include "expression_graph.hpp"

namespace widelimit::program {
namespace {

using Kind = ExpressionNode::Kind;

template <class F>
Expression binary(Expression const& x, Expression const& y) {
  ExpressionGraph graph;
  int const a = graph.import(x), b = graph.import(y);
  return graph.expression(graph.apply<F>(a, b));
}

/// ∂(function of `code`)/∂operand, as an expression.
Expression slope(int code, int operand, std::array<Expression, 2> const& operands,
                 Expression const& f) {
  Expression result;
  visit_function(code, [&]<class F>(F) {
    if constexpr (is_binary<F>)
      result = F::slope(operand, operands[0], operands[1], f);
    else
      result = F::slope(operands[0], f);
  });
  return result;
}

}  // namespace

Expression::Expression(double value)
    : nodes_{{.kind = Kind::constant, .constant = value == 0 ? 0.0 : value}} {}

Expression Expression::argument(int position) {
  return Expression(std::vector<ExpressionNode>{{.kind = Kind::argument, .code = position}});
}

bool Expression::is_argument(int position) const {
  return nodes_.back().kind == Kind::argument && nodes_.back().code == position;
}

int Expression::argument_count() const {
  int count = 0;
  for (auto const& node : nodes_)
    if (node.kind == Kind::argument) count = std::max(count, node.code + 1);
  return count;
}

bool Expression::depends_on(int position) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](ExpressionNode const& node) {
    return node.kind == Kind::argument && node.code == position;
  });
}

Expression Expression::derivative(int position, int known_value) const {
  std::vector<Expression> value, slopes;
  for (auto const& node : nodes_) {
    if (node.kind == Kind::constant) {
      value.emplace_back(node.constant);
      slopes.emplace_back(0.0);
      continue;
    }
    if (node.kind == Kind::argument) {
      value.push_back(argument(node.code));
      slopes.emplace_back(node.code == position ? 1.0 : 0.0);
      continue;
    }
    std::array<Expression, 2> operands;
    for (std::size_t k = 0; k < 2; ++k)
      if (node.operands[k] >= 0) operands[k] = value[static_cast<std::size_t>(node.operands[k])];
    ExpressionGraph graph;
    int const a = graph.import(operands[0]);
    int const b = node.operands[1] < 0 ? -1 : graph.import(operands[1]);
    bool const known = known_value >= 0 && &node == &nodes_.back();
    auto const f = known ? argument(known_value) : graph.expression(graph.apply(node.code, a, b));
    Expression sum;
    for (int k = 0; k < 2; ++k) {
      int const operand = node.operands[static_cast<std::size_t>(k)];
      if (operand < 0) continue;
      auto const& inner = slopes[static_cast<std::size_t>(operand)];
      if (!inner.is_constant(0)) sum = sum + slope(node.code, k, operands, f) * inner;
    }
    value.push_back(f);
    slopes.push_back(sum);
  }
  return slopes.back();
}

Expression Expression::substituted(std::span<Expression const> arguments) const {
  ExpressionGraph graph;
  std::vector<int> places;
  for (auto const& argument : arguments) places.push_back(graph.import(argument));
  return graph.expression(graph.import(*this, &places));
}

double Expression::evaluate(std::span<double const> arguments) const {
  std::vector<double> values;
  for (auto const& node : nodes_) {
    double result = node.constant;
    if (node.kind == Kind::argument) result = arguments[static_cast<std::size_t>(node.code)];
    if (node.kind == Kind::function) {
      double const x = values[static_cast<std::size_t>(node.operands[0])];
      visit_function(node.code, [&]<class F>(F) {
        if constexpr (is_binary<F>)
          result = F::value(x, values[static_cast<std::size_t>(node.operands[1])]);
        else
          result = F::value(x);
      });
    }
    values.push_back(result);
  }
  return values.back();
}

Expression operator-(Expression const& x) {
  ExpressionGraph graph;
  int const a = graph.import(x);
  return graph.expression(graph.apply<elementary::Negate>(a));
}

Expression operator+(Expression const& x, Expression const& y) {
  return binary<elementary::Add>(x, y);
}

Expression operator-(Expression const& x, Expression const& y) {
  return binary<elementary::Subtract>(x, y);
}

Expression operator*(Expression const& x, Expression const& y) {
  return binary<elementary::Multiply>(x, y);
}

Expression operator/(Expression const& x, Expression const& y) {
  return binary<elementary::Divide>(x, y);
}

}  // namespace widelimit::program
