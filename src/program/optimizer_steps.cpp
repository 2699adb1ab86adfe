#include "optimizer_steps.hpp"

#include "gradient_products.hpp"
#include "sums.hpp"

namespace widelimit::program::detail {
namespace {

/// Changes of one parameter, whatever its kind: P ← decay·P + coefficient·(gradient) + Σ factor·Q.
class Change {
 public:
  Change(Builder& builder, Id target, Gradient const& gradient)
      : b_(builder), target_(target), gradient_(gradient) {}

  /// \param coefficient  none: the gradient does not enter
  /// \param other        a value of the same shape, with its factor; none: not there
  void append(Id decay, Id coefficient, Id other = none, Id factor = none) {
    switch (b_.program().value(target_).kind) {
      case Kind::matrix:
        return append_matrix(decay, coefficient, other, factor);
      case Kind::vector:
        return append_vector(decay, coefficient, other, factor);
      default:
        return append_scalar(decay, coefficient, other, factor);
    }
  }

 private:
  void append_matrix(Id decay, Id coefficient, Id other, Id factor) {
    UpdateMatrix update{target_, decay, {}, {}};
    if (coefficient != none)
      for (auto const& term : gradient_.outer)
        update.outer.push_back(
            {term.y, term.x,
             term.d == none ? coefficient : b_.elementwise("a*b", {term.d, coefficient})});
    if (other != none) update.matrices.push_back({other, factor});
    b_.add(update);
  }

  void append_vector(Id decay, Id coefficient, Id other, Id factor) {
    UpdateVector update{target_, decay, {}};
    if (coefficient != none)
      for (auto const& term : gradient_.terms)
        update.terms.push_back(
            {term.x, term.s == none ? coefficient : b_.elementwise("a*b", {term.s, coefficient})});
    if (other != none) update.terms.push_back({other, factor});
    b_.add(update);
  }

  void append_scalar(Id decay, Id coefficient, Id other, Id factor) {
    std::vector<Id> terms{decay == none ? target_ : b_.elementwise("a*b", {target_, decay})};
    if (coefficient != none && gradient_.scalar != none)
      terms.push_back(b_.elementwise("a*b", {gradient_.scalar, coefficient}));
    if (other != none)
      terms.push_back(factor == none ? other : b_.elementwise("a*b", {other, factor}));
    b_.add(Assign{target_, sum_of_scalars(b_, terms)});
  }

  Builder& b_;
  Id target_;
  Gradient const& gradient_;
};

/// A value like a parameter that starts at zero.
Id momentum_of(Builder& b, Id parameter) {
  auto const& value = b.program().value(parameter);
  auto const name = "momentum_" + value.name;
  if (value.kind == Kind::matrix) return b.matrix_like(name, parameter);
  if (value.kind == Kind::vector) return b.vector(name, value.columns);
  return b.scalar(name, value.rows, value.columns);
}

}  // namespace

Id clip_factor(Builder& b, double clip, Id squared_norm) {
  auto const norm = Expression::call("sqrt", std::vector<Expression>{Expression::argument(0)});
  auto const factor = Expression::call("min", std::vector<Expression>{1, clip / (norm + 1e-6)});
  return b.add(ScalarNonlinear{none, factor, {squared_norm}});
}

void append_updates(Builder& b, Optimizer const& optimizer,
                    std::vector<Parameter> const& parameters,
                    std::vector<Gradient> const& gradients, Id learning_rate, double norm_factor) {
  Id clip = none;
  if (optimizer.clip > 0) {
    std::vector<Id> squares;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      if (parameters[k].rate == 0) continue;
      Id const square = gradient_products(b, gradients[k], gradients[k], 1, 1);
      if (square != none) squares.push_back(b.scaled(square, parameters[k].rate * norm_factor));
    }
    if (!squares.empty()) clip = clip_factor(b, optimizer.clip, sum_of_scalars(b, squares));
  }
  double const lambda = optimizer.weight_decay, mu = optimizer.momentum;
  auto const clipped = [&](Id x) { return clip == none ? x : b.elementwise("a*b", {x, clip}); };
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    auto const& parameter = parameters[k];
    bool const moves = parameter.rate != 0 && parameter.multiplier != 0;
    if (!moves && lambda == 0) continue;
    double const m = parameter.multiplier;
    // What stays of the weights, and the factor of the gradient in a step along it.
    auto const keep = 1 - m * lambda * Expression::argument(0);
    Id const decay = lambda == 0 ? none : b.add(ScalarNonlinear{none, keep, {learning_rate}});
    auto const along = [&] { return clipped(b.scaled(learning_rate, -m * parameter.rate)); };
    Change change(b, parameter.value, gradients[k]);
    if (mu == 0) {
      change.append(decay, along());
      continue;
    }
    Id const momentum = momentum_of(b, parameter.value);
    Change velocity(b, momentum, gradients[k]);
    velocity.append(b.constant(mu), clipped(b.constant(parameter.rate)),
                    lambda == 0 ? none : parameter.value, lambda == 0 ? none : b.constant(lambda));
    if (optimizer.nesterov)
      change.append(decay, along(), momentum, b.scaled(learning_rate, -m * mu));
    else
      change.append(none, none, momentum, b.scaled(learning_rate, -m));
  }
}

}  // namespace widelimit::program::detail
