#include "widelimit/program/shapes.hpp"

#include <spdlog/fmt/fmt.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::program {
namespace {

[[noreturn]] void fail(std::string const& message) {
  throw InputError(message);
}

std::string plural(Index n, char const* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

/// Checks the operands of one instruction.
class Checker {
 public:
  explicit Checker(Program const& program) : program_(program) {}

  Shape operator()(MatMul const& i) const {
    need(i.matrix, Kind::matrix);
    return vector(columns(i.x, Kind::vector));
  }

  Shape operator()(Nonlinear const& i) const {
    return vector(broadcast(i.psi, i.vectors, i.scalars));
  }

  Shape operator()(OuterNonlinear const& i) const {
    if (i.order < 1) fail("the order of an outer nonlinearity is at least 1");
    if (i.copies.size() != i.vectors.size())
      fail("an outer nonlinearity needs the copy of each vector");
    for (int const copy : i.copies)
      if (copy < 0 || copy > i.order)
        fail(fmt::format("the copy {} is not one of 0 … {} (the order)", copy, i.order));
    return vector(broadcast(i.psi, i.vectors, i.scalars));
  }

  Shape operator()(Mean const& i) const {
    return {Kind::scalar, 1, broadcast(i.psi, i.vectors, i.scalars)};
  }

  Shape operator()(MapColumns const& i) const {
    check_map(i.x, columns(i.x, Kind::vector), i.map);
    return vector(i.map->outputs());
  }

  Shape operator()(ScalarMapColumns const& i) const {
    check_map(i.x, columns(i.x, Kind::scalar), i.map);
    return {Kind::scalar, program_.value(i.x).rows, i.map->outputs()};
  }

  Shape operator()(Combine const& i) const {
    Index const p = part(i.x, Kind::vector, i.groups);
    part(i.s, Kind::scalar, i.groups);
    if (program_.value(i.s).rows != p)
      fail(fmt::format("{} has {}, but {} has {} (in each of {})", name(i.x), plural(p, "column"),
                       name(i.s), plural(program_.value(i.s).rows, "row"),
                       plural(i.groups, "group")));
    return vector(program_.value(i.s).columns);
  }

  Shape operator()(InnerProducts const& i) const {
    Index const p = part(i.x, Kind::vector, i.groups);
    Index const q = part(i.y, Kind::vector, i.groups);
    return {Kind::scalar, p, i.groups * q};
  }

  Shape operator()(ScalarNonlinear const& i) const {
    if (static_cast<std::size_t>(i.psi.argument_count()) > i.scalars.size())
      fail("an expression reads more operands than it is given");
    if (i.scalars.empty()) return {Kind::scalar, 1, 1};
    Index rows = 1, cols = 1;
    for (Id const id : i.scalars) {
      need(id, Kind::scalar);
      join(rows, program_.value(id).rows, "rows", id);
      join(cols, program_.value(id).columns, "columns", id);
    }
    return {Kind::scalar, rows, cols};
  }

  Shape operator()(ScalarReduce const& i) const {
    need(i.x, Kind::scalar);
    auto const& x = program_.value(i.x);
    return {Kind::scalar, i.axis == Axis::columns ? x.rows : 1,
            i.axis == Axis::rows ? x.columns : 1};
  }

  Shape operator()(ScalarProduct const& i) const {
    Index const p = part(i.a, Kind::scalar, i.groups);
    part(i.b, Kind::scalar, i.groups);
    if (program_.value(i.b).rows != p)
      fail(fmt::format("{} has {}, but {} has {} (in each of {})", name(i.a), plural(p, "column"),
                       name(i.b), plural(program_.value(i.b).rows, "row"),
                       plural(i.groups, "group")));
    return {Kind::scalar, program_.value(i.a).rows, program_.value(i.b).columns};
  }

  Shape operator()(ScalarTranspose const& i) const {
    Index const q = part(i.x, Kind::scalar, i.groups);
    return {Kind::scalar, q, i.groups * program_.value(i.x).rows};
  }

  Shape operator()(UpdateMatrix const& i) const {
    need(i.matrix, Kind::matrix);
    need_initial(i.matrix);
    need_factor(i.decay);
    for (auto const& term : i.outer) check_outer(term);
    for (auto const& term : i.matrices) {
      need(term.matrix, Kind::matrix);
      need_factor(term.factor);
      if (family(term.matrix) != family(i.matrix))
        fail(
            fmt::format("{} and {} are not like the same matrix, so that one cannot be added to "
                        "the other",
                        name(term.matrix), name(i.matrix)));
    }
    return {Kind::matrix, 0, 0};
  }

  Shape operator()(UpdateVector const& i) const {
    need(i.vector, Kind::vector);
    need_initial(i.vector);
    need_factor(i.decay);
    Index const expected = program_.value(i.vector).columns;
    for (auto const& term : i.terms) {
      Index found = columns(term.x, Kind::vector);
      if (term.s != none && !is_factor(term.s))
        found = (*this)(Combine{none, term.x, term.s}).columns;
      if (found != expected)
        fail(fmt::format("{} has {}, but a term of its update has {}", name(i.vector),
                         plural(expected, "column"), found));
    }
    return vector(expected);
  }

  Shape operator()(Assign const& i) const {
    need_initial(i.target);
    auto const shape = shape_of(program_, i.target), found = shape_of(program_, i.value);
    if (shape != found)
      fail(fmt::format("{} is {}, but is given {}", name(i.target), to_string(shape),
                       to_string(found)));
    if (shape.kind == Kind::matrix) fail("a matrix is changed by an update alone");
    return shape;
  }

 private:
  static Shape vector(Index columns) { return {Kind::vector, 0, columns}; }

  std::string name(Id id) const { return "`" + program_.value(id).name + "`"; }

  void need(Id id, Kind kind) const {
    if (id < 0 || static_cast<std::size_t>(id) >= program_.values.size())
      fail("an instruction without one of its operands");
    if (program_.value(id).kind == kind) return;
    constexpr char const* kinds[] = {"a matrix", "a vector", "a scalar"};
    fail(fmt::format("{} is {}, where {} is needed", name(id), to_string(shape_of(program_, id)),
                     kinds[static_cast<int>(kind)]));
  }

  void need_initial(Id id) const {
    bool const known = id >= 0 && static_cast<std::size_t>(id) < program_.values.size();
    if (!known || program_.value(id).initial == none)
      fail(fmt::format("{} is no initial value, so that it cannot change",
                       known ? name(id) : std::string("the target of an update")));
    auto const& content = program_.initial(id).content;
    if (std::holds_alternative<Data>(content) || std::holds_alternative<Batch>(content) ||
        std::holds_alternative<GaussianNoise>(content) || std::holds_alternative<Schedule>(content))
      fail(name(id) + " is given by the run, so that the program cannot change it");
  }

  Index columns(Id id, Kind kind) const {
    need(id, kind);
    return program_.value(id).columns;
  }

  /// Columns in each of `groups` equal parts.
  Index part(Id id, Kind kind, Index groups) const {
    Index const all = columns(id, kind);
    if (groups < 1 || all % groups != 0)
      fail(fmt::format("{} has {}, which do not make {} equal groups", name(id),
                       plural(all, "column"), groups));
    return all / groups;
  }

  void join(Index& size, Index other, char const* what, Id id) const {
    if (other == 1 || other == size) return;
    if (size != 1)
      fail(fmt::format("{} has {} {}, where other operands have {}", name(id), other, what, size));
    size = other;
  }

  Index broadcast(Expression const& psi, std::vector<Id> const& vectors,
                  std::vector<Id> const& scalars) const {
    if (static_cast<std::size_t>(psi.argument_count()) > vectors.size() + scalars.size())
      fail("an expression reads more operands than it is given");
    Index cols = 1;
    for (Id const id : vectors) join(cols, columns(id, Kind::vector), "columns", id);
    for (Id const id : scalars) {
      join(cols, columns(id, Kind::scalar), "columns", id);
      if (program_.value(id).rows != 1)
        fail(fmt::format("{} is {}; a scalar beside vectors has one row", name(id),
                         to_string(shape_of(program_, id))));
    }
    return cols;
  }

  void check_map(Id x, Index found, SharedColumnMap const& map) const {
    if (!map) fail("a map between columns is missing");
    if (map->inputs != found)
      fail(fmt::format("{} has {}, but the map takes {}", name(x), plural(found, "column"),
                       map->inputs));
  }

  bool is_factor(Id id) const {
    auto const& value = program_.value(id);
    return value.kind == Kind::scalar && value.rows == 1 && value.columns == 1;
  }

  void need_factor(Id id) const {
    if (id == none) return;
    need(id, Kind::scalar);
    if (!is_factor(id))
      fail(fmt::format("{} is {}, where a 1 x 1 factor is needed", name(id),
                       to_string(shape_of(program_, id))));
  }

  void check_outer(OuterTerm const& term) const {
    Index const of_y = columns(term.y, Kind::vector), of_x = columns(term.x, Kind::vector);
    if (term.d == none || is_factor(term.d)) {
      if (of_y != of_x)
        fail(fmt::format("{} has {}, but {} has {}: their outer products need pairs", name(term.y),
                         plural(of_y, "column"), name(term.x), of_x));
      return;
    }
    need(term.d, Kind::scalar);
    auto const& d = program_.value(term.d);
    bool const by_column = d.rows == 1 && of_y == of_x && d.columns == of_x;
    bool const full = d.rows == of_y && d.columns == of_x;
    if (!by_column && !full)
      fail(
          fmt::format("{} is {}, which fits neither column by column nor as {} x {} between {} "
                      "and {}",
                      name(term.d), to_string(shape_of(program_, term.d)), of_y, of_x, name(term.y),
                      name(term.x)));
  }

  /// The matrix that a matrix is like, or itself.
  Id family(Id id) const {
    if (program_.value(id).initial == none) return id;
    auto const* zero = std::get_if<ZeroMatrix>(&program_.initial(id).content);
    return zero == nullptr ? id : zero->like;
  }

  Program const& program_;
};

}  // namespace

std::string to_string(Shape const& shape) {
  switch (shape.kind) {
    case Kind::matrix:
      return "a matrix";
    case Kind::vector:
      return "a vector of " + plural(shape.columns, "column");
    default:
      return fmt::format("a {} x {} scalar", shape.rows, shape.columns);
  }
}

Shape result_shape(Program const& program, Instruction const& instruction) {
  return std::visit(Checker(program), instruction);
}

}  // namespace widelimit::program
