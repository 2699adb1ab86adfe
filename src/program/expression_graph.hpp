/// \file
/// Builds expressions without equal nodes.
#pragma once

#include <vector>

#include "widelimit/program/elementary_functions.hpp"

namespace widelimit::program {

/// Nodes under construction; a node is known by its index.
class ExpressionGraph {
 public:
  int constant(double value);
  int argument(int position);
  /// The function of `code`, simplified; `b` is -1 for functions of one operand.
  int apply(int code, int a, int b = -1);
  template <class F>
  int apply(int a, int b = -1) {
    return apply(function_code<F>, a, b);
  }
  /// All nodes of an expression, argument k replaced by the node arguments[k] (itself when there
  /// are no replacements); the index of its value.
  int import(Expression const& expression, std::vector<int> const* arguments = nullptr);
  /// The nodes that `root` depends on, in the order in which a walk from the root meets them.
  Expression expression(int root) const;

 private:
  using Kind = ExpressionNode::Kind;
  ExpressionNode const& at(int i) const { return nodes_[static_cast<std::size_t>(i)]; }
  bool is(int i, double value) const {
    return at(i).kind == Kind::constant && at(i).constant == value;
  }
  int intern(ExpressionNode const& node);
  int power(int base, double exponent);
  /// A node equal to the function of these operands that is simpler; -1 without one.
  int simplified(int code, int a, int b);

  std::vector<ExpressionNode> nodes_;
};

}  // namespace widelimit::program
