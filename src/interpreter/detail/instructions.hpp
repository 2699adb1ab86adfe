/// \file
/// What each kind of instruction does to the values of an executor.
#pragma once

#include <algorithm>
#include <limits>

#include "widelimit/interpreter/executor.hpp"

#include "interpreter/detail/elementwise.hpp"
#include "interpreter/detail/small_parts.hpp"

namespace widelimit::interpreter {

/// Runs one instruction.
template <class Real>
struct Executor<Real>::Instructions {
  using Id = program::Id;
  Executor& e;

  Columns<Real> const& vector(Id id) const { return e.vectors_[index(id)].columns; }
  Tagged<Real> const& tagged(Id id) const { return e.vectors_[index(id)]; }
  Small const& scalar(Id id) const { return e.scalars_[index(id)]; }
  double number(Id id, double fallback) const {
    return id == program::none ? fallback : scalar(id)(0, 0);
  }
  Index columns(Id id) const { return e.program_.value(id).columns; }
  Columns<Real> output(Id id) const { return e.obtain(columns(id)); }

  detail::Arguments<Real> arguments(std::vector<Id> const& vectors, std::vector<Id> const& scalars,
                                    Index count) const {
    detail::Arguments<Real> result;
    for (Id const id : vectors) result.vectors.push_back(vector(id));
    for (Id const id : scalars) result.scalars.push_back(scalar(id));
    result.columns = count;
    return result;
  }

  void operator()(program::MatMul const& i) const {
    auto const y = output(i.out);
    Member const member = e.members_[index(i.matrix)];
    e.families_[member.family].weights->apply(member.number, i.transposed, tagged(i.x), y);
    e.define(i.out, y);
  }
  void operator()(program::Nonlinear const& i) const {
    auto const y = output(i.out);
    detail::evaluate(e.particles_, i.psi, arguments(i.vectors, i.scalars, columns(i.out)), y);
    e.define(i.out, y);
  }
  void operator()(program::OuterNonlinear const& i) const {
    auto const y = output(i.out);
    detail::evaluate_outer(e.particles_, i.psi, i.order, i.copies,
                           arguments(i.vectors, i.scalars, columns(i.out)), y);
    e.define(i.out, y);
  }
  void operator()(program::MapColumns const& i) const {
    auto const y = output(i.out);
    detail::combine(e.particles_, vector(i.x), i.map->start, i.map->index, i.map->weight, y);
    e.define(i.out, y);
  }
  void operator()(program::Combine const& i) const {
    auto const y = output(i.out);
    Small const& s = scalar(i.s);
    Index const p = columns(i.x) / i.groups, q = columns(i.out) / i.groups;
    for (Index g = 0; g < i.groups; ++g)
      add_product(e.particles_, 1, detail::part(vector(i.x), g * p, p), detail::part(s, g * q, q),
                  0, detail::part(y, g * q, q));
    e.define(i.out, y);
  }
  void operator()(program::Mean const& i) const {
    e.scalars_[index(i.out)] =
        detail::mean(e.particles_, i.psi, arguments(i.vectors, i.scalars, columns(i.out)));
  }
  void operator()(program::InnerProducts const& i) const {
    Index const p = columns(i.x) / i.groups, q = columns(i.y) / i.groups;
    Small result(p, i.groups * q);
    for (Index g = 0; g < i.groups; ++g) {
      Small const products = inner(e.particles_, detail::part(vector(i.x), g * p, p),
                                   detail::part(vector(i.y), g * q, q));
      std::ranges::copy(products.values(), result.data() + g * q * p);
    }
    e.scalars_[index(i.out)] = std::move(result);
  }

  void operator()(program::ScalarNonlinear const& i) const {
    std::vector<Small> operands;
    for (Id const id : i.scalars) operands.push_back(scalar(id));
    e.scalars_[index(i.out)] = detail::evaluate(i.psi, operands);
  }
  void operator()(program::ScalarReduce const& i) const {
    Small const& x = scalar(i.x);
    auto const& shape = e.program_.value(i.out);
    bool const maximum = i.reduction == program::Reduction::maximum;
    Small result(shape.rows, shape.columns);
    if (maximum) std::ranges::fill(result.values(), -std::numeric_limits<double>::infinity());
    for (Index c = 0; c < x.cols(); ++c)
      for (Index r = 0; r < x.rows(); ++r) {
        double& to = result(shape.rows == 1 ? 0 : r, shape.columns == 1 ? 0 : c);
        to = maximum ? std::max(to, x(r, c)) : to + x(r, c);
      }
    e.scalars_[index(i.out)] = std::move(result);
  }
  void operator()(program::ScalarProduct const& i) const {
    Small const &a = scalar(i.a), &b = scalar(i.b);
    Index const p = a.cols() / i.groups, q = b.cols() / i.groups;
    Small result(a.rows(), i.groups * q);
    for (Index g = 0; g < i.groups; ++g) {
      Small const some =
          product(detail::part(a, g * p, p), false, detail::part(b, g * q, q), false);
      std::ranges::copy(some.values(), result.data() + g * q * a.rows());
    }
    e.scalars_[index(i.out)] = std::move(result);
  }
  void operator()(program::ScalarTranspose const& i) const {
    Small const& x = scalar(i.x);
    Index const q = x.cols() / i.groups;
    Small result(q, i.groups * x.rows());
    for (Index g = 0; g < i.groups; ++g) {
      Small const turned = detail::transposed(detail::part(x, g * q, q));
      std::ranges::copy(turned.values(), result.data() + g * x.rows() * q);
    }
    e.scalars_[index(i.out)] = std::move(result);
  }
  void operator()(program::ScalarMapColumns const& i) const {
    Small const& x = scalar(i.x);
    Small result(x.rows(), i.map->outputs());
    for (Index j = 0; j < result.cols(); ++j) {
      auto const s = static_cast<std::size_t>(j);
      for (Index k = i.map->start[s]; k < i.map->start[s + 1]; ++k)
        for (Index r = 0; r < x.rows(); ++r)
          result(r, j) += i.map->weight[static_cast<std::size_t>(k)] *
                          x(r, i.map->index[static_cast<std::size_t>(k)]);
    }
    e.scalars_[index(i.out)] = std::move(result);
  }

  void operator()(program::UpdateMatrix const& i) const {
    std::vector<OuterProduct<Real>> outer;
    for (auto const& term : i.outer) outer.push_back(outer_product(term));
    std::vector<ScaledMember> matrices;
    for (auto const& term : i.matrices)
      matrices.push_back({e.members_[index(term.matrix)].number, number(term.factor, 1)});
    Member const member = e.members_[index(i.matrix)];
    e.families_[member.family].weights->update(member.number, number(i.decay, 1), outer, matrices);
  }
  void operator()(program::UpdateVector const& i) const {
    auto const y = output(i.vector);
    add_product(e.particles_, number(i.decay, 1), vector(i.vector), identity(columns(i.vector)), 0,
                y);
    for (auto const& term : i.terms) {
      Small s = identity(columns(i.vector));
      if (term.s != program::none) {
        Small const& given = scalar(term.s);
        if (given.rows() == 1 && given.cols() == 1) {
          for (double& entry : s.values()) entry *= given(0, 0);
        } else {
          s = given;
        }
      }
      if (columns(term.x) == 1 && s.rows() != 1) s = identity(1);
      add_product(e.particles_, 1, vector(term.x), s, 1, y);
    }
    replace(i.vector, y);
  }
  void operator()(program::Assign const& i) const {
    if (e.program_.value(i.target).kind == program::Kind::scalar) {
      e.scalars_[index(i.target)] = scalar(i.value);
      return;
    }
    auto const y = output(i.target);
    Kokkos::deep_copy(y, vector(i.value));
    replace(i.target, y);
  }

 private:
  void replace(Id initial, Columns<Real> const& columns) const {
    e.release(initial);
    e.define(initial, columns);
  }

  /// D as an array, or as factors by column.
  OuterProduct<Real> outer_product(program::OuterTerm const& term) const {
    OuterProduct<Real> result{tagged(term.y), tagged(term.x), {}, false};
    Index const rows = columns(term.y), cols = columns(term.x), count = std::max(rows, cols);
    Small const one = identity(1);
    Small const& d = term.d == program::none ? one : scalar(term.d);
    if (rows == d.rows() && cols == d.cols()) {
      result.d = d;
    } else if (d.rows() > 1) {
      result.d = d;
    } else {
      Small factors(1, count);
      for (Index j = 0; j < count; ++j) factors(0, j) = d(0, d.cols() == 1 ? 0 : j);
      result.by_column = rows == cols;
      result.d = rows == 1 || rows == cols ? factors : detail::transposed(factors);
    }
    return result;
  }
};

}  // namespace widelimit::interpreter
