/// \file
/// Element-wise functions ψ of several numbers, as expressions over the elementary functions.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace widelimit::program {

/// One number that an expression computes.
struct ExpressionNode {
  enum class Kind { constant, argument, function };
  Kind kind = Kind::constant;
  /// Of an argument its position, of a function its code (elementary_functions.hpp).
  int code = 0;
  double constant = 0;
  std::array<int, 2> operands{-1, -1};  ///< earlier nodes; unused ones are -1
  bool operator==(ExpressionNode const&) const = default;
};

/// A function of arguments 0, 1, …: a directed acyclic graph in which no two nodes are equal, each
/// after its operands, the value last. Constants are folded and neutral elements removed when it is
/// made; a product with the constant 0 is 0, also of what may be infinite. A value type; all
/// functions are local and cost of the order of the number of nodes, squared at worst.
class Expression {
 public:
  Expression() : Expression(0.0) {}
  Expression(double value);  // NOLINT(google-explicit-constructor): so that `2 * x` can be written
  static Expression argument(int position);
  /// A function by its name, one of function_names(). Throws
  /// InputError: unknown name (with the nearest known one), wrong number of operands.
  static Expression call(std::string_view name, std::span<Expression const> operands);

  std::span<ExpressionNode const> nodes() const { return nodes_; }
  bool is_constant() const { return nodes_.back().kind == ExpressionNode::Kind::constant; }
  bool is_constant(double value) const { return is_constant() && nodes_.back().constant == value; }
  /// Whether it is the argument of this position, unchanged.
  bool is_argument(int position) const;
  /// One more than the largest position of an argument; 0 without any.
  int argument_count() const;
  bool depends_on(int position) const;

  /// ∂/∂argument. At kinks max(x, y) and min(x, y) have the slope of y where both are equal, so that
  /// relu is flat at 0, and so is abs; the jumps of sign and step count as flat.
  Expression derivative(int position) const { return derivative(position, -1); }
  /// The same, in which argument `value` (if not negative) stands for the value of the expression
  /// where that serves: 1 - f² for tanh(x) whose value f is known.
  Expression derivative(int position, int value) const;
  /// The expression with every argument k replaced by `arguments[k]`.
  Expression substituted(std::span<Expression const> arguments) const;
  /// Its value for one set of arguments. For many, compile it (code.hpp).
  double evaluate(std::span<double const> arguments) const;

  bool operator==(Expression const&) const = default;

 private:
  friend class ExpressionGraph;
  explicit Expression(std::vector<ExpressionNode> nodes) : nodes_(std::move(nodes)) {}

  std::vector<ExpressionNode> nodes_;
};

Expression operator-(Expression const& x);
Expression operator+(Expression const& x, Expression const& y);
Expression operator-(Expression const& x, Expression const& y);
Expression operator*(Expression const& x, Expression const& y);
Expression operator/(Expression const& x, Expression const& y);

/// Parses `text`: numbers, `+ - * / ^` with the usual precedence (`^` binds first and to the right),
/// parentheses, names of arguments, `pi`, and calls of functions. Argument k is `names[k]`.
/// Throws InputError without a place, for the caller to add one: what is wrong at which column, an
/// unknown name with the nearest known one.
Expression parse_expression(std::string_view text, std::span<std::string const> names);

/// The expression with names for its arguments, in a form that parse_expression reads back to an
/// equal expression; values used more than once are written out each time.
std::string to_string(Expression const& expression, std::span<std::string const> names);

/// The names that parse_expression knows as functions.
std::vector<std::string_view> function_names();

}  // namespace widelimit::program
