/// \file
/// Runs tensor programs at a finite width on plain arrays: slow and obvious, the reference of the
/// interpreters.
#pragma once

#include <cmath>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "widelimit/program/program.hpp"

namespace widelimit::reference {

/// A matrix, a vector or a scalar: `rows` x `columns`, row-major; vectors and matrices have n rows.
struct Array {
  Index rows = 0, columns = 0;
  std::vector<double> entries = {};

  Array() = default;
  Array(Index r, Index c, double value = 0)
      : rows(r), columns(c), entries(static_cast<std::size_t>(r * c), value) {}
  double& operator()(Index r, Index c) {
    return entries[static_cast<std::size_t>(r * columns + c)];
  }
  double operator()(Index r, Index c) const {
    return entries[static_cast<std::size_t>(r * columns + c)];
  }
  /// Rows and columns of one stand for any.
  double broadcast(Index r, Index c) const {
    return (*this)(rows == 1 ? 0 : r, columns == 1 ? 0 : c);
  }
};

/// A program at width n. `at` gives access to every value; those of Data, Batch and Schedule are for
/// the caller to set.
class PlainProgram {
 public:
  PlainProgram(program::Program const& program, Index n, unsigned seed)
      : program_(program), n_(n), values_(program.values.size()) {
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    for (auto const& initial : program.initials) {
      auto& array = values_[static_cast<std::size_t>(initial.value)];
      auto const& value = program.value(initial.value);
      array = value.kind == program::Kind::matrix   ? Array(n, n)
              : value.kind == program::Kind::vector ? Array(n, value.columns)
                                                    : Array(value.rows, value.columns);
      if (auto const* m = std::get_if<program::GaussianMatrix>(&initial.content))
        for (double& x : array.entries)
          x = m->sigma / std::sqrt(static_cast<double>(n)) * normal(engine);
      if (auto const* v = std::get_if<program::GaussianVector>(&initial.content))
        for (double& x : array.entries) x = v->sigma * normal(engine);
      if (auto const* v = std::get_if<program::ConstantVector>(&initial.content))
        for (double& x : array.entries) x = v->value;
      if (auto const* v = std::get_if<program::ConstantScalar>(&initial.content))
        for (double& x : array.entries) x = v->value;
    }
  }

  Array& at(program::Id id) { return values_[static_cast<std::size_t>(id)]; }
  Array const& at(program::Id id) const { return values_[static_cast<std::size_t>(id)]; }
  Array& at(std::string const& name) {
    for (std::size_t id = 0; id < values_.size(); ++id)
      if (program_.values[id].name == name) return values_[id];
    throw std::out_of_range("no value " + name);
  }

  void run(program::Block const& block) {
    for (auto const& instruction : block)
      std::visit([&](auto const& i) { execute(i); }, instruction);
  }

  /// The columns of a Batch value for these points.
  void set_batch(program::Id id, std::vector<Index> const& points) {
    auto const& batch = std::get<program::Batch>(program_.initial(id).content);
    auto const& whole = at(batch.of);
    auto& part = at(id);
    for (Index r = 0; r < part.rows; ++r)
      for (Index c = 0; c < part.columns; ++c) {
        Index const point = points[static_cast<std::size_t>(c / batch.columns_per_point)];
        part(r, c) = whole(r, point * batch.columns_per_point + c % batch.columns_per_point);
      }
  }

 private:
  using Id = program::Id;

  Index columns(Id id) const { return program_.value(id).columns; }

  Array& define(Id id) {
    auto const& value = program_.value(id);
    return at(id) = Array(value.kind == program::Kind::vector ? n_ : value.rows, value.columns);
  }

  void execute(program::MatMul const& i) {
    auto& y = define(i.out);
    for (Index r = 0; r < n_; ++r)
      for (Index k = 0; k < n_; ++k)
        for (Index c = 0; c < y.columns; ++c)
          y(r, c) += (i.transposed ? at(i.matrix)(k, r) : at(i.matrix)(r, k)) * at(i.x)(k, c);
  }

  double value_of(program::Expression const& psi, std::vector<Id> const& vectors,
                  std::vector<Id> const& scalars, std::vector<Index> const& rows, Index c) const {
    std::vector<double> arguments;
    for (std::size_t k = 0; k < vectors.size(); ++k)
      arguments.push_back(at(vectors[k]).broadcast(rows[k], c));
    for (Id const s : scalars) arguments.push_back(at(s).broadcast(0, c));
    return psi.evaluate(arguments);
  }

  void execute(program::Nonlinear const& i) {
    auto& y = define(i.out);
    for (Index r = 0; r < n_; ++r)
      for (Index c = 0; c < y.columns; ++c)
        y(r, c) = value_of(i.psi, i.vectors, i.scalars, std::vector<Index>(i.vectors.size(), r), c);
  }

  void execute(program::OuterNonlinear const& i) {
    auto& y = define(i.out);
    auto const order = static_cast<std::size_t>(i.order);
    for (Index r = 0; r < n_; ++r)
      for (Index c = 0; c < y.columns; ++c) {
        std::vector<Index> copies(order + 1, 0);  // α, β1 …
        copies[0] = r;
        for (;;) {
          std::vector<Index> rows;
          for (int const copy : i.copies) rows.push_back(copies[static_cast<std::size_t>(copy)]);
          y(r, c) += value_of(i.psi, i.vectors, i.scalars, rows, c) /
                     std::pow(static_cast<double>(n_), i.order);
          std::size_t s = 1;
          while (s <= order && ++copies[s] == n_) copies[s++] = 0;
          if (s > order) break;
        }
      }
  }

  void execute(program::Mean const& i) {
    auto& y = define(i.out);
    for (Index r = 0; r < n_; ++r)
      for (Index c = 0; c < y.columns; ++c)
        y(0, c) +=
            value_of(i.psi, i.vectors, i.scalars, std::vector<Index>(i.vectors.size(), r), c) /
            static_cast<double>(n_);
  }

  static void apply_map(program::ColumnMap const& map, Array const& x, Array& y) {
    for (Index r = 0; r < x.rows; ++r)
      for (Index c = 0; c < y.columns; ++c)
        for (Index k = map.start[static_cast<std::size_t>(c)];
             k < map.start[static_cast<std::size_t>(c) + 1]; ++k)
          y(r, c) += map.weight[static_cast<std::size_t>(k)] *
                     x(r, map.index[static_cast<std::size_t>(k)]);
  }

  void execute(program::MapColumns const& i) { apply_map(*i.map, at(i.x), define(i.out)); }
  void execute(program::ScalarMapColumns const& i) { apply_map(*i.map, at(i.x), define(i.out)); }

  /// Part by part of the columns, y = x·s.
  static void multiply(Array const& x, Array const& s, Index groups, Array& y) {
    Index const p = x.columns / groups, q = s.columns / groups;
    for (Index g = 0; g < groups; ++g)
      for (Index r = 0; r < x.rows; ++r)
        for (Index c = 0; c < q; ++c)
          for (Index k = 0; k < p; ++k) y(r, g * q + c) += x(r, g * p + k) * s(k, g * q + c);
  }

  void execute(program::Combine const& i) { multiply(at(i.x), at(i.s), i.groups, define(i.out)); }
  void execute(program::ScalarProduct const& i) {
    multiply(at(i.a), at(i.b), i.groups, define(i.out));
  }

  void execute(program::InnerProducts const& i) {
    auto& s = define(i.out);
    auto const &x = at(i.x), &y = at(i.y);
    Index const p = x.columns / i.groups, q = y.columns / i.groups;
    for (Index g = 0; g < i.groups; ++g)
      for (Index a = 0; a < p; ++a)
        for (Index b = 0; b < q; ++b)
          for (Index r = 0; r < n_; ++r)
            s(a, g * q + b) += x(r, g * p + a) * y(r, g * q + b) / static_cast<double>(n_);
  }

  void execute(program::ScalarNonlinear const& i) {
    auto& y = define(i.out);
    for (Index r = 0; r < y.rows; ++r)
      for (Index c = 0; c < y.columns; ++c) {
        std::vector<double> arguments;
        for (Id const id : i.scalars) arguments.push_back(at(id).broadcast(r, c));
        y(r, c) = i.psi.evaluate(arguments);
      }
  }

  void execute(program::ScalarReduce const& i) {
    auto& y = define(i.out);
    auto const& x = at(i.x);
    bool const sum = i.reduction == program::Reduction::sum;
    if (!sum)
      for (double& entry : y.entries) entry = -INFINITY;
    for (Index r = 0; r < x.rows; ++r)
      for (Index c = 0; c < x.columns; ++c) {
        double& entry = y(y.rows == 1 ? 0 : r, y.columns == 1 ? 0 : c);
        entry = sum ? entry + x(r, c) : std::fmax(entry, x(r, c));
      }
  }

  void execute(program::ScalarTranspose const& i) {
    auto& y = define(i.out);
    auto const& x = at(i.x);
    Index const q = x.columns / i.groups;
    for (Index g = 0; g < i.groups; ++g)
      for (Index r = 0; r < x.rows; ++r)
        for (Index c = 0; c < q; ++c) y(c, g * x.rows + r) = x(r, g * q + c);
  }

  double factor(Id id) const { return id == program::none ? 1 : at(id)(0, 0); }

  void execute(program::UpdateMatrix const& i) {
    Array w = at(i.matrix);
    for (double& entry : w.entries) entry *= factor(i.decay);
    for (auto const& term : i.matrices)
      for (std::size_t k = 0; k < w.entries.size(); ++k)
        w.entries[k] += factor(term.factor) * at(term.matrix).entries[k];
    for (auto const& term : i.outer) {
      auto const &y = at(term.y), &x = at(term.x);
      for (Index a = 0; a < y.columns; ++a)
        for (Index b = 0; b < x.columns; ++b) {
          double weight = a == b ? 1 : 0;
          if (term.d != program::none) {
            auto const& d = at(term.d);
            bool const one = d.rows == 1 && d.columns == 1;
            bool const by_column = d.rows == 1 && y.columns == x.columns;
            if (one)
              weight *= d(0, 0);
            else if (by_column)
              weight *= d(0, a);
            else
              weight = d(a, b);
          }
          if (weight == 0) continue;
          for (Index r = 0; r < n_; ++r)
            for (Index c = 0; c < n_; ++c)
              w(r, c) += weight * y(r, a) * x(c, b) / static_cast<double>(n_);
        }
    }
    at(i.matrix) = w;
  }

  void execute(program::UpdateVector const& i) {
    Array v = at(i.vector);
    for (double& entry : v.entries) entry *= factor(i.decay);
    for (auto const& term : i.terms) {
      Array part(n_, v.columns);
      if (term.s == program::none)
        part = at(term.x);
      else if (columns(term.s) == 1 && program_.value(term.s).rows == 1)
        for (std::size_t k = 0; k < part.entries.size(); ++k)
          part.entries[k] = factor(term.s) * at(term.x).entries[k];
      else
        multiply(at(term.x), at(term.s), 1, part);
      for (std::size_t k = 0; k < v.entries.size(); ++k) v.entries[k] += part.entries[k];
    }
    at(i.vector) = v;
  }

  void execute(program::Assign const& i) { at(i.target) = at(i.value); }

  program::Program const& program_;
  Index n_;
  std::vector<Array> values_;
};

}  // namespace widelimit::reference
