#include "expression_graph.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

namespace widelimit::program {
namespace {

using namespace elementary;

/// Larger whole powers than this are computed by the general power.
constexpr double max_product_power = 64;

/// Equal as numbers in storage: 0 and -0 differ, a NaN equals itself.
bool same(ExpressionNode const& x, ExpressionNode const& y) {
  return x.kind == y.kind && x.code == y.code && x.operands == y.operands &&
         std::bit_cast<std::uint64_t>(x.constant) == std::bit_cast<std::uint64_t>(y.constant);
}

bool commutes(int code) {
  return code == function_code<Add> || code == function_code<Multiply>;
}

}  // namespace

int ExpressionGraph::intern(ExpressionNode const& node) {
  ExpressionNode mirrored = node;
  if (node.kind == Kind::function && commutes(node.code))
    std::swap(mirrored.operands[0], mirrored.operands[1]);
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (same(nodes_[i], node) || same(nodes_[i], mirrored)) return static_cast<int>(i);
  nodes_.push_back(node);
  return static_cast<int>(nodes_.size()) - 1;
}

int ExpressionGraph::constant(double value) {
  return intern({.kind = Kind::constant, .constant = value == 0 ? 0.0 : value});
}

int ExpressionGraph::argument(int position) {
  return intern({.kind = Kind::argument, .code = position});
}

int ExpressionGraph::power(int base, double exponent) {
  if (exponent == 0.5) return apply<Sqrt>(base);
  double const magnitude = std::fabs(exponent);
  if (magnitude > max_product_power || magnitude != std::floor(magnitude)) return -1;
  if (exponent < 0) {
    int const positive = power(base, magnitude);
    return apply<Divide>(constant(1), positive);
  }
  int result = constant(1), square = base;
  for (auto rest = static_cast<unsigned>(magnitude);;) {
    if (rest % 2 == 1) result = apply<Multiply>(result, square);
    rest /= 2;
    if (rest == 0) return result;
    square = apply<Multiply>(square, square);
  }
}

int ExpressionGraph::simplified(int code, int a, int b) {
  auto const negated = [&](int i) {
    return at(i).kind == Kind::function && at(i).code == function_code<Negate>;
  };
  auto const inner = [&](int i) { return at(i).operands[0]; };
  if (code == function_code<Negate>) return negated(a) ? inner(a) : -1;
  if (code == function_code<Add>) {
    if (is(a, 0)) return b;
    if (is(b, 0)) return a;
    if (negated(b)) return apply<Subtract>(a, inner(b));
    if (negated(a)) return apply<Subtract>(b, inner(a));
  } else if (code == function_code<Subtract>) {
    if (is(b, 0)) return a;
    if (a == b) return constant(0);
    if (is(a, 0)) return apply<Negate>(b);
    if (negated(b)) return apply<Add>(a, inner(b));
  } else if (code == function_code<Multiply>) {
    if (is(a, 0) || is(b, 0)) return constant(0);
    if (is(a, 1)) return b;
    if (is(b, 1)) return a;
    if (is(a, -1)) return apply<Negate>(b);
    if (is(b, -1)) return apply<Negate>(a);
    if (negated(a)) {
      int const product = apply<Multiply>(inner(a), b);
      return apply<Negate>(product);
    }
    if (negated(b)) {
      int const product = apply<Multiply>(a, inner(b));
      return apply<Negate>(product);
    }
  } else if (code == function_code<Divide>) {
    if (is(b, 1)) return a;
    if (is(a, 0)) return constant(0);
  }
  return -1;
}

int ExpressionGraph::apply(int code, int a, int b) {
  if (code == function_code<Power> && at(b).kind == Kind::constant) {
    int const product = power(a, at(b).constant);
    if (product >= 0) return product;
  }
  if (at(a).kind == Kind::constant && (b < 0 || at(b).kind == Kind::constant)) {
    double const x = at(a).constant, y = b < 0 ? 0 : at(b).constant;
    double value = 0;
    visit_function(code, [&]<class F>(F) {
      if constexpr (is_binary<F>)
        value = F::value(x, y);
      else
        value = F::value(x);
    });
    if (std::isfinite(value)) return constant(value);
  }
  if (int const simple = simplified(code, a, b); simple >= 0) return simple;
  return intern({.kind = Kind::function, .code = code, .operands = {a, b}});
}

int ExpressionGraph::import(Expression const& expression, std::vector<int> const* arguments) {
  std::vector<int> place;
  for (auto const& node : expression.nodes()) {
    auto const operand = [&](int k) {
      int const i = node.operands[static_cast<std::size_t>(k)];
      return i < 0 ? -1 : place[static_cast<std::size_t>(i)];
    };
    switch (node.kind) {
      case Kind::constant:
        place.push_back(constant(node.constant));
        break;
      case Kind::argument:
        place.push_back(arguments == nullptr ? argument(node.code)
                                             : (*arguments)[static_cast<std::size_t>(node.code)]);
        break;
      case Kind::function:
        place.push_back(apply(node.code, operand(0), operand(1)));
        break;
    }
  }
  return place.back();
}

Expression ExpressionGraph::expression(int root) const {
  // Nodes come after their operands, so that one backward pass finds what is needed; the order of
  // the result is that of a walk, so that it depends on the expression alone.
  std::vector<int> place(nodes_.size(), -1);
  std::vector<ExpressionNode> nodes;
  std::vector<int> open{root};
  while (!open.empty()) {
    int const i = open.back();
    if (place[static_cast<std::size_t>(i)] >= 0) {
      open.pop_back();
      continue;
    }
    ExpressionNode node = at(i);
    bool ready = true;
    for (int k = 1; k >= 0; --k) {
      int const operand = node.operands[static_cast<std::size_t>(k)];
      if (operand >= 0 && place[static_cast<std::size_t>(operand)] < 0) {
        open.push_back(operand);
        ready = false;
      }
    }
    if (!ready) continue;
    open.pop_back();
    for (int& operand : node.operands)
      if (operand >= 0) operand = place[static_cast<std::size_t>(operand)];
    place[static_cast<std::size_t>(i)] = static_cast<int>(nodes.size());
    nodes.push_back(node);
  }
  return Expression(std::move(nodes));
}

}  // namespace widelimit::program
