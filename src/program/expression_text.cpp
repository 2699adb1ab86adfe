/// \file
/// Expressions as text: functions by name, the parser, the printer.
#include <cctype>
#include <charconv>
#include <cmath>
#include <numbers>

#include <spdlog/fmt/fmt.h>

#include "widelimit/io/spelling.hpp"
#include "widelimit/program/expression.hpp"
#include "widelimit/runtime/error.hpp"

#include "expression_graph.hpp"

namespace widelimit::program {
namespace {

/// A function that is written in terms of others. To add one, give it a line.
struct Definition {
  std::string_view name;
  std::vector<std::string> operands;
  std::string_view text;
};

std::vector<Definition> const& definitions() {
  static std::vector<Definition> const table{
      {"relu", {"x"}, "max(x, 0)"},
      {"leaky_relu", {"x", "slope"}, "max(x, 0) + slope*min(x, 0)"},
      {"gelu", {"x"}, "x*normal_cdf(x)"},
      {"swish", {"x"}, "x*sigmoid(x)"},
      {"elu", {"x"}, "max(x, 0) + expm1(min(x, 0))"},
      {"selu", {"x"}, "1.0507009873554804934*(max(x, 0) + 1.6732632423543772848*expm1(min(x, 0)))"},
      {"mish", {"x"}, "x*tanh(softplus(x))"},
      {"normal_pdf", {"x"}, "0.39894228040143268*exp(-0.5*x^2)"}};
  return table;
}

/// Operators have names too, which the text form does not use.
constexpr int n_operators = function_code<elementary::Divide> + 1;
constexpr std::size_t max_depth = 200, max_nodes = 500;

struct Elementary {
  std::string_view name;
  std::size_t operands;
};

template <std::size_t... k>
std::vector<Elementary> list_functions(std::index_sequence<k...>) {
  return {{std::tuple_element_t<k, ElementaryFunctions>::name,
           is_binary<std::tuple_element_t<k, ElementaryFunctions>> ? 2U : 1U}...};
}

std::vector<Elementary> const& elementary_list() {
  static auto const table = list_functions(std::make_index_sequence<elementary_function_count>{});
  return table;
}

void check_count(std::string_view name, std::size_t expected, std::size_t found) {
  if (expected == found) return;
  throw InputError(fmt::format("`{}` takes {} operand{}, but has {}", name, expected,
                               expected == 1 ? "" : "s", found));
}

class Parser {
 public:
  Parser(std::string_view text, std::span<std::string const> names) : text_(text), names_(names) {}

  Expression whole() {
    auto result = sum();
    skip_blanks();
    if (at_ < text_.size()) fail("expected an operator or the end");
    return result;
  }

 private:
  [[noreturn]] void fail(std::string const& message) const {
    auto const found =
        at_ < text_.size() ? fmt::format("`{}`", text_.substr(at_, 1)) : std::string("the end");
    throw InputError(
        fmt::format("{}, found {} at column {} of `{}`", message, found, at_ + 1, text_));
  }

  void skip_blanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }

  bool take(char symbol) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != symbol) return false;
    ++at_;
    return true;
  }

  static Expression checked(Expression const& e) {
    if (e.nodes().size() > max_nodes)
      throw InputError(
          fmt::format("an expression of more than {} operations; split it over "
                      "several instructions",
                      max_nodes));
    return e;
  }

  Expression sum() {
    auto left = product();
    for (;;) {
      if (take('+'))
        left = checked(left + product());
      else if (take('-'))
        left = checked(left - product());
      else
        return left;
    }
  }

  Expression product() {
    auto left = signed_power();
    for (;;) {
      if (take('*'))
        left = checked(left * signed_power());
      else if (take('/'))
        left = checked(left / signed_power());
      else
        return left;
    }
  }

  Expression signed_power() {
    Deeper const deeper(*this);
    if (take('-')) return -signed_power();
    if (take('+')) return signed_power();
    auto base = atom();
    if (!take('^')) return base;
    return call(elementary::Power::name, {base, signed_power()});
  }

  Expression atom() {
    skip_blanks();
    if (take('(')) {
      auto inner = sum();
      if (!take(')')) fail("expected `)`");
      return inner;
    }
    if (at_ >= text_.size()) fail("expected a number, a name or `(`");
    auto const c = static_cast<unsigned char>(text_[at_]);
    if (std::isdigit(c) != 0 || c == '.') return number();
    if (std::isalpha(c) != 0 || c == '_') return named();
    fail("expected a number, a name or `(`");
  }

  Expression number() {
    double value = 0;
    auto const* const begin = text_.data() + at_;
    auto const [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc() || !std::isfinite(value)) fail("expected a finite number");
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  Expression named() {
    auto const begin = at_;
    while (at_ < text_.size()) {
      auto const c = static_cast<unsigned char>(text_[at_]);
      if (std::isalnum(c) == 0 && c != '_') break;
      ++at_;
    }
    if (at_ < text_.size() && text_[at_] == '{') {  // a name of a copy, `x{r}`
      auto const end = text_.find('}', at_);
      at_ = end == std::string_view::npos ? text_.size() : end + 1;
    }
    auto const name = text_.substr(begin, at_ - begin);
    if (take('(')) {
      std::vector<Expression> operands;
      if (!take(')')) {
        do operands.push_back(sum());
        while (take(','));
        if (!take(')')) fail("expected `,` or `)`");
      }
      return checked(Expression::call(name, operands));
    }
    for (std::size_t k = 0; k < names_.size(); ++k)
      if (names_[k] == name) return Expression::argument(static_cast<int>(k));
    if (name == "pi") return std::numbers::pi;
    std::vector<std::string_view> known(names_.begin(), names_.end());
    known.emplace_back("pi");
    auto const functions = function_names();
    for (auto const& function : functions)
      if (function == name) fail(fmt::format("expected `(` after the function `{}`", name));
    throw InputError(fmt::format("unknown name `{}` in `{}`{}; known here are {}", name, text_,
                                 io::suggestion(name, known), io::join(known)));
  }

  static Expression call(std::string_view name, std::initializer_list<Expression> operands) {
    return checked(
        Expression::call(name, std::span<Expression const>(operands.begin(), operands.size())));
  }

  /// Counts how deep the parser stands, so that no text overflows the stack.
  struct Deeper {
    explicit Deeper(Parser& parser) : p(parser) {
      if (++p.depth_ > max_depth)
        throw InputError(fmt::format("an expression nested more than {} deep", max_depth));
    }
    ~Deeper() { --p.depth_; }
    Deeper(Deeper const&) = delete;
    Deeper& operator=(Deeper const&) = delete;
    Parser& p;
  };

  std::string_view text_;
  std::span<std::string const> names_;
  std::size_t at_ = 0, depth_ = 0;
};

/// How tightly text binds: what stands inside a tighter place needs parentheses.
enum Tightness { in_sum, in_product, in_sign, in_power, whole_atom };

struct Text {
  std::string text;
  Tightness tightness;
  std::string within(Tightness needed) const {
    return tightness < needed ? "(" + text + ")" : text;
  }
};

Text print(std::span<ExpressionNode const> nodes, int index, std::span<std::string const> names) {
  auto const& node = nodes[static_cast<std::size_t>(index)];
  if (node.kind == ExpressionNode::Kind::constant)
    return {fmt::format("{}", node.constant), node.constant < 0 ? in_sign : whole_atom};
  if (node.kind == ExpressionNode::Kind::argument)
    return {names[static_cast<std::size_t>(node.code)], whole_atom};
  auto const operand = [&](std::size_t k, Tightness needed) {
    return print(nodes, node.operands[k], names).within(needed);
  };
  switch (node.code) {
    case function_code<elementary::Negate>:
      return {"-" + operand(0, in_power), in_sign};
    case function_code<elementary::Add>:
      return {operand(0, in_sum) + " + " + operand(1, in_product), in_sum};
    case function_code<elementary::Subtract>:
      return {operand(0, in_sum) + " - " + operand(1, in_product), in_sum};
    case function_code<elementary::Multiply>:
      return {operand(0, in_product) + "*" + operand(1, in_power), in_product};
    case function_code<elementary::Divide>:
      return {operand(0, in_product) + "/" + operand(1, in_power), in_product};
    case function_code<elementary::Power>:
      return {operand(0, whole_atom) + "^" + operand(1, whole_atom), in_power};
    default: {
      auto const& function = elementary_list()[static_cast<std::size_t>(node.code)];
      auto text = std::string(function.name) + "(" + operand(0, in_sum);
      if (function.operands == 2) text += ", " + operand(1, in_sum);
      return {text + ")", whole_atom};
    }
  }
}

}  // namespace

Expression Expression::call(std::string_view name, std::span<Expression const> operands) {
  auto const& functions = elementary_list();
  for (std::size_t code = 0; code < functions.size(); ++code) {
    if (functions[code].name != name) continue;
    check_count(name, functions[code].operands, operands.size());
    ExpressionGraph graph;
    int const a = graph.import(operands[0]);
    int const b = operands.size() == 2 ? graph.import(operands[1]) : -1;
    return graph.expression(graph.apply(static_cast<int>(code), a, b));
  }
  for (auto const& definition : definitions()) {
    if (definition.name != name) continue;
    check_count(name, definition.operands.size(), operands.size());
    return parse_expression(definition.text, definition.operands).substituted(operands);
  }
  auto const known = function_names();
  throw InputError(fmt::format("unknown function `{}`{}; known are {}", name,
                               io::suggestion(name, known), io::join(known)));
}

Expression parse_expression(std::string_view text, std::span<std::string const> names) {
  return Parser(text, names).whole();
}

std::string to_string(Expression const& expression, std::span<std::string const> names) {
  auto const nodes = expression.nodes();
  return print(nodes, static_cast<int>(nodes.size()) - 1, names).text;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names;
  for (std::size_t code = n_operators; code < elementary_list().size(); ++code)
    names.push_back(elementary_list()[code].name);
  for (auto const& definition : definitions()) names.push_back(definition.name);
  return names;
}

}  // namespace widelimit::program
