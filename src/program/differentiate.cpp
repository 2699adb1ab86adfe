#include "widelimit/program/differentiate.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <spdlog/fmt/fmt.h>

#include "widelimit/program/column_map.hpp"
#include "widelimit/runtime/error.hpp"

#include "sums.hpp"

namespace widelimit::program {
namespace {

/// Walks a block backwards. To differentiate a new instruction, give it an overload of `back`.
class Differentiator {
 public:
  Differentiator(Builder& builder, Block forward, std::vector<Seed> const& seeds,
                 std::vector<Id> const& of)
      : builder_(builder), forward_(std::move(forward)), of_(of) {
    for (auto const& seed : seeds)
      if (shape(seed.value) != shape(seed.adjoint))
        throw InputError(fmt::format("`{}` is {}, but its gradient `{}` is {}", name(seed.value),
                                     to_string(shape(seed.value)), name(seed.adjoint),
                                     to_string(shape(seed.adjoint))));
    mark_active();
    for (auto const& seed : seeds) add(seed.value, seed.adjoint);
  }

  std::vector<Gradient> run() {
    std::set<Id> changed_later;
    for (auto i = forward_.rbegin(); i != forward_.rend(); ++i) {
      Id const out = defined(*i);
      if (out == none) changed_later.insert(changed(*i));
      if (out == none || !active_.contains(out)) continue;
      for (Id const id : reads(*i))
        if (changed_later.contains(id)) refuse_change(id);
      Id const adjoint = settle(out);
      if (adjoint == none) continue;
      std::visit([&](auto const& instruction) { back(instruction, adjoint); }, *i);
    }
    std::vector<Gradient> results;
    for (Id const id : of_) {
      if (shape(id).kind == Kind::vector && program().value(id).initial == none) settle(id);
      if (shape(id).kind == Kind::scalar) settle(id);
      results.push_back(gradients_[id]);
    }
    return results;
  }

 private:
  Program const& program() const { return builder_.program(); }
  Shape shape(Id id) const { return shape_of(program(), id); }
  std::string const& name(Id id) const { return program().value(id).name; }
  bool is_active(Id id) const { return active_.contains(id); }

  /// The values that depend on `of`.
  void mark_active() {
    active_.insert(of_.begin(), of_.end());
    for (auto const& instruction : forward_) {
      auto const inputs = reads(instruction);
      if (std::none_of(inputs.begin(), inputs.end(), [&](Id id) { return is_active(id); }) &&
          !is_active(changed(instruction)))
        continue;
      if (Id const target = changed(instruction); target != none)
        throw InputError(
            fmt::format("the gradient passes `{}`, which changes on the way; take "
                        "gradients before updates",
                        name(target)));
      active_.insert(defined(instruction));
    }
  }

  [[noreturn]] void refuse_change(Id id) const {
    throw InputError(
        fmt::format("the gradient passes `{}`, which changes on the way; take "
                    "gradients before updates",
                    name(id)));
  }

  // Contributions to the gradient of a value, if anything of `of` depends on it.

  void add(Id value, Id contribution, Id s = none) {
    if (!is_active(value)) return;
    if (shape(value).kind == Kind::vector)
      gradients_[value].terms.push_back({contribution, s});
    else
      scalars_[value].push_back(contribution);
  }

  /// The whole gradient of a value as one value; none where it is zero.
  Id settle(Id value) {
    auto& gradient = gradients_[value];
    if (shape(value).kind == Kind::vector) {
      if (gradient.terms.empty()) return none;
      Id const sum = total(builder_, gradient, shape(value).columns);
      gradient.terms = {{sum, none}};
      return sum;
    }
    auto& list = scalars_[value];
    if (list.empty()) return none;
    Id const sum = detail::sum_of_scalars(builder_, list);
    list = {sum};
    return gradient.scalar = sum;
  }

  // The rules. `g` is the gradient of what the instruction defines.

  void back(MatMul const& i, Id g) {
    if (is_active(i.matrix))
      gradients_[i.matrix].outer.push_back(i.transposed ? OuterTerm{i.x, g, none}
                                                        : OuterTerm{g, i.x, none});
    if (is_active(i.x)) add(i.x, builder_.add(MatMul{none, i.matrix, g, !i.transposed}));
  }

  void back(Nonlinear const& i, Id g) {
    // Behind the instruction's vectors come its value, which often gives the slope, and g.
    auto const n_vectors = static_cast<int>(i.vectors.size());
    auto const n_scalars = static_cast<int>(i.scalars.size());
    auto const psi = i.psi.substituted(shifted_arguments(n_vectors, n_scalars, 2));
    auto vectors = i.vectors;
    vectors.push_back(i.out);
    vectors.push_back(g);
    for (int k = 0; k < n_vectors + n_scalars; ++k) {
      bool const of_vector = k < n_vectors;
      Id const target = of_vector ? i.vectors[static_cast<std::size_t>(k)]
                                  : i.scalars[static_cast<std::size_t>(k - n_vectors)];
      auto const slope = psi.derivative(of_vector ? k : k + 2, n_vectors);
      if (!is_active(target) || slope.is_constant(0)) continue;
      auto const product = Expression::argument(n_vectors + 1) * slope;
      if (of_vector)
        add_folded(target, builder_.add(Nonlinear{none, product, vectors, i.scalars}));
      else
        add_reduced(target, builder_.add(Mean{none, product, vectors, i.scalars}));
    }
  }

  void back(OuterNonlinear const& i, Id g) {
    auto outer = [&](Expression const& slope, std::vector<int> copies) {
      auto const call = times_gradient(slope, i.vectors, i.scalars, g);
      copies.push_back(0);
      return OuterNonlinear{none, i.order, call.psi, call.vectors, copies, call.scalars};
    };
    for (std::size_t k = 0; k < i.vectors.size(); ++k) {
      auto const slope = i.psi.derivative(static_cast<int>(k));
      if (!is_active(i.vectors[k]) || slope.is_constant(0)) continue;
      // ∂/∂(x at the row of copy s): that row becomes the result's, the result's row copy s.
      auto call = outer(slope, i.copies);
      for (int& copy : call.copies) {
        if (copy == 0)
          copy = i.copies[k];
        else if (copy == i.copies[k])
          copy = 0;
      }
      add_folded(i.vectors[k], builder_.add(call));
    }
    for (std::size_t k = 0; k < i.scalars.size(); ++k) {
      auto const slope = i.psi.derivative(static_cast<int>(i.vectors.size() + k));
      if (!is_active(i.scalars[k]) || slope.is_constant(0)) continue;
      Id const rows = builder_.add(outer(slope, i.copies));
      add_reduced(i.scalars[k], builder_.mean("x", {rows}));
    }
  }

  void back(MapColumns const& i, Id g) {
    add(i.x, builder_.add(MapColumns{none, g, transposed(*i.map)}));
  }

  void back(Combine const& i, Id g) {
    if (is_active(i.x)) {
      Id const s = builder_.transpose(i.s, i.groups);
      if (i.groups == 1)
        add(i.x, g, s);
      else
        add(i.x, builder_.add(Combine{none, g, s, i.groups}));
    }
    if (is_active(i.s)) add(i.s, builder_.add(InnerProducts{none, i.x, g, i.groups}));
  }

  void back(Mean const& i, Id g) {
    auto const count = static_cast<int>(i.vectors.size() + i.scalars.size());
    auto scalars = i.scalars;
    scalars.push_back(g);
    for (int k = 0; k < count; ++k) {
      bool const of_vector = k < static_cast<int>(i.vectors.size());
      Id const target = of_vector ? i.vectors[static_cast<std::size_t>(k)]
                                  : i.scalars[static_cast<std::size_t>(k) - i.vectors.size()];
      auto const slope = i.psi.derivative(k);
      if (!is_active(target) || slope.is_constant(0)) continue;
      auto const psi = Expression::argument(count) * slope;
      if (of_vector)
        add_folded(target, builder_.add(Nonlinear{none, psi, i.vectors, scalars}));
      else
        add_reduced(target, builder_.add(Mean{none, psi, i.vectors, scalars}));
    }
  }

  void back(InnerProducts const& i, Id g) {
    if (is_active(i.x)) combine(i.x, i.y, builder_.transpose(g, i.groups), i.groups);
    if (is_active(i.y)) combine(i.y, i.x, g, i.groups);
  }

  void back(ScalarNonlinear const& i, Id g) {
    auto const count = static_cast<int>(i.scalars.size());
    auto operands = i.scalars;
    operands.push_back(g);
    operands.push_back(i.out);
    for (int k = 0; k < count; ++k) {
      Id const target = i.scalars[static_cast<std::size_t>(k)];
      auto const slope = i.psi.derivative(k, count + 1);
      if (!is_active(target) || slope.is_constant(0)) continue;
      auto const psi = Expression::argument(count) * slope;
      add_reduced(target, builder_.add(ScalarNonlinear{none, psi, operands}));
    }
  }

  void back(ScalarReduce const& i, Id g) {
    if (i.reduction == Reduction::sum) {
      add(i.x, builder_.add(ScalarNonlinear{none, Expression::argument(0), {g, i.x}}));
      return;
    }
    // 1 where the entry is the maximum, divided by how many are.
    Id const is_largest = builder_.elementwise("1 - step(b - a)", {i.x, i.out});
    Id const count = builder_.sum(is_largest, i.axis);
    add(i.x, builder_.elementwise("a*b/c", {g, is_largest, count}));
  }

  void back(ScalarProduct const& i, Id g) {
    if (is_active(i.a))
      add(i.a, builder_.add(ScalarProduct{none, g, builder_.transpose(i.b, i.groups), i.groups}));
    if (is_active(i.b))
      add(i.b, builder_.add(ScalarProduct{none, builder_.transpose(i.a, i.groups), g, i.groups}));
  }

  void back(ScalarTranspose const& i, Id g) { add(i.x, builder_.transpose(g, i.groups)); }

  void back(ScalarMapColumns const& i, Id g) {
    add(i.x, builder_.add(ScalarMapColumns{none, g, transposed(*i.map)}));
  }

  // Updates define nothing, so that no gradient reaches them.
  void back(UpdateMatrix const&, Id) {}
  void back(UpdateVector const&, Id) {}
  void back(Assign const&, Id) {}

  /// The arguments of an expression when `shift` vectors come in behind its own.
  static std::vector<Expression> shifted_arguments(int n_vectors, int n_scalars, int shift) {
    std::vector<Expression> arguments;
    arguments.reserve(static_cast<std::size_t>(n_vectors + n_scalars));
    for (int k = 0; k < n_vectors + n_scalars; ++k)
      arguments.push_back(Expression::argument(k < n_vectors ? k : k + shift));
    return arguments;
  }

  /// gradient · slope, with the gradient's vector behind those of the instruction.
  static Nonlinear times_gradient(Expression const& slope, std::vector<Id> vectors,
                                  std::vector<Id> const& scalars, Id g) {
    auto const n_vectors = static_cast<int>(vectors.size());
    auto const arguments = shifted_arguments(n_vectors, static_cast<int>(scalars.size()), 1);
    vectors.push_back(g);
    return {none, Expression::argument(n_vectors) * slope.substituted(arguments),
            std::move(vectors), scalars};
  }

  /// x·S in groups to the gradient of `value`.
  void combine(Id value, Id x, Id s, Index groups) {
    if (groups == 1)
      add(value, x, s);
    else
      add(value, builder_.add(Combine{none, x, s, groups}));
  }

  /// A contribution that has to be summed over columns where the operand was broadcast.
  void add_folded(Id value, Id contribution) {
    Index const columns = builder_.columns(contribution);
    if (builder_.columns(value) != columns)
      contribution = builder_.add(MapColumns{none, contribution, sum_of_groups(columns, 1)});
    add(value, contribution);
  }

  void add_reduced(Id value, Id contribution) {
    auto const target = shape(value);
    if (shape(contribution).rows != target.rows)
      contribution = builder_.sum(contribution, Axis::rows);
    if (shape(contribution).columns != target.columns)
      contribution = builder_.sum(contribution, Axis::columns);
    add(value, contribution);
  }

  Builder& builder_;
  Block const forward_;
  std::vector<Id> const& of_;
  std::set<Id> active_;
  std::map<Id, Gradient> gradients_;
  std::map<Id, std::vector<Id>> scalars_;
};

}  // namespace

std::vector<Gradient> differentiate(Builder& builder, Block const& forward,
                                    std::vector<Seed> const& seeds, std::vector<Id> const& of) {
  return Differentiator(builder, forward, seeds, of).run();
}

std::vector<Gradient> differentiate(Builder& builder, Block const& forward, Id loss,
                                    std::vector<Id> const& of) {
  return differentiate(builder, forward, {{loss, builder.constant(1)}}, of);
}

Id total(Builder& builder, Gradient const& gradient, Index columns) {
  if (gradient.terms.empty()) return builder.vector("zero", columns);
  std::vector<Id> parts;
  for (auto const& term : gradient.terms)
    parts.push_back(term.s == none ? term.x : builder.add(Combine{none, term.x, term.s}));
  return detail::sum_of_vectors(builder, parts);
}

}  // namespace widelimit::program
