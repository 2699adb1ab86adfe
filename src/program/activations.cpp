#include "widelimit/program/activations.hpp"

#include <cmath>
#include <numbers>

#include "widelimit/runtime/error.hpp"

namespace widelimit::program {
namespace {

Expression call(std::string_view name, Expression const& x) {
  return Expression::call(name, std::span<Expression const>(&x, 1));
}

Expression call(std::string_view name, Expression const& x, Expression const& y) {
  return Expression::call(name, std::vector<Expression>{x, y});
}

/// One overload for each function.
struct Translate {
  Expression const x = Expression::argument(0);

  Expression operator()(network::AbRelu const& f) const {
    if (f.a == -1 && f.b == 1) return call("abs", x);
    return f.b * call("max", x, 0) + f.a * call("min", x, 0);
  }
  Expression operator()(network::Erf const& f) const { return f.a * call("erf", f.b * x) + f.c; }
  Expression operator()(network::Gelu const&) const { return call("gelu", x); }
  Expression operator()(network::Sin const& f) const { return f.a * call("sin", f.b * x + f.c); }
  Expression operator()(network::Cos const& f) const { return f.a * call("cos", f.b * x + f.c); }
  Expression operator()(network::Rbf const& f) const {
    return std::numbers::sqrt2 * call("sin", std::sqrt(2 * f.gamma) * x + std::numbers::pi / 4);
  }
  Expression operator()(network::Sign const&) const { return call("sign", x); }
  Expression operator()(network::Exp const& f) const { return f.a * call("exp", f.b * x); }
  Expression operator()(network::Gaussian const& f) const {
    return f.a * call("exp", f.b * (x * x));
  }
  Expression operator()(network::ExpNormalized const&) const {
    throw InputError(
        "`exp_normalized` is defined by its kernel and is no function of a number, so "
        "that no network of finite width and no program has it; use another function");
  }
  Expression operator()(network::Gabor const&) const {
    return call("exp", -(x * x)) * call("sin", x);
  }
  Expression operator()(network::Monomial const& f) const { return call("power", x, f.degree); }
  Expression operator()(network::RectifiedMonomial const& f) const {
    return f.degree == 0 ? call("step", x) : call("power", call("max", x, 0), f.degree);
  }
  Expression operator()(network::Polynomial const& f) const {
    Expression sum;
    for (std::size_t k = f.coef.size(); k-- > 0;) sum = sum * x + f.coef[k];
    return sum;
  }
  Expression operator()(network::Hermite const& f) const {
    Expression previous = 0, current = 1;  // He_{k+1} = x·He_k - k·He_{k-1}
    double factorial = 1;
    for (int k = 0; k < f.degree; ++k) {
      auto const next = x * current - k * previous;
      previous = current;
      current = next;
      factorial *= k + 1;
    }
    return current * (1 / std::sqrt(factorial));
  }
  Expression operator()(network::Numerical const& f) const {
    constexpr std::string_view names[] = {"tanh", "sigmoid", "softplus", "swish",
                                          "elu",  "selu",    "mish"};
    return call(names[static_cast<std::size_t>(f.fn)], x);
  }
};

}  // namespace

Expression expression_of(network::Activation const& activation) {
  return std::visit(Translate{}, activation);
}

}  // namespace widelimit::program
