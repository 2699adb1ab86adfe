/// \file
/// Writes programs, instruction by instruction, with shapes and names.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "widelimit/program/shapes.hpp"

namespace widelimit::program {

/// Appends to one block of a program at a time. All functions are local and throw the InputError
/// of result_shape where operands do not fit. A name that is empty or taken is made unique by a
/// number.
class Builder {
 public:
  /// Writes to program.start at first. The program must outlive the builder.
  explicit Builder(Program& program);

  Program& program() { return program_; }
  Program const& program() const { return program_; }
  /// The block that instructions are appended to: one of the program's, or another.
  Block& block() { return *block_; }
  void write_to(Block& block) { block_ = &block; }

  template <class Content>
  Id initial(std::string const& name, Shape const& shape, Content const& content, int line = 0) {
    return add_initial(name, shape, {none, content}, line);
  }
  Id matrix(std::string const& name, double sigma) {
    return initial(name, {Kind::matrix, 0, 0}, GaussianMatrix{sigma});
  }
  Id matrix_like(std::string const& name, Id like) {
    return initial(name, {Kind::matrix, 0, 0}, ZeroMatrix{like});
  }
  Id gaussian(std::string const& name, Index columns, double sigma) {
    return initial(name, {Kind::vector, 0, columns}, GaussianVector{sigma});
  }
  Id vector(std::string const& name, Index columns, double value = 0) {
    return initial(name, {Kind::vector, 0, columns}, ConstantVector{value});
  }
  Id scalar(std::string const& name, Index rows, Index columns, double value = 0) {
    return initial(name, {Kind::scalar, rows, columns}, ConstantScalar{value});
  }
  Id data(std::string const& name, Index rows, Index columns) {
    return initial(name, {Kind::scalar, rows, columns}, Data{});
  }

  /// Appends an instruction; its `out`, if it has one, is set to a new value, which is returned.
  /// Operands of expressions that are there twice are merged, those that change nothing dropped.
  Id add(Instruction instruction, std::string const& name = "", int line = 0);

  // The instructions that are used most. Expressions as text name vectors x, y, z, u, v, w and
  // scalars a, b, c, d, e.

  Id nonlinear(Expression const& psi, std::vector<Id> const& vectors,
               std::vector<Id> const& scalars = {}, std::string const& name = "") {
    return add(Nonlinear{none, psi, vectors, scalars}, name);
  }
  Id nonlinear(std::string_view psi, std::vector<Id> const& vectors,
               std::vector<Id> const& scalars = {}, std::string const& name = "");
  Id mean(Expression const& psi, std::vector<Id> const& vectors,
          std::vector<Id> const& scalars = {}, std::string const& name = "") {
    return add(Mean{none, psi, vectors, scalars}, name);
  }
  Id mean(std::string_view psi, std::vector<Id> const& vectors, std::vector<Id> const& scalars = {},
          std::string const& name = "");
  /// Element by element on scalars, which the text names a, b, c, d, e.
  Id elementwise(std::string_view psi, std::vector<Id> const& scalars,
                 std::string const& name = "");
  /// factor·x of a scalar.
  Id scaled(Id x, double factor) {
    return add(ScalarNonlinear{none, factor * Expression::argument(0), {x}});
  }
  Id transpose(Id x, Index groups = 1) { return add(ScalarTranspose{none, x, groups}); }
  Id sum(Id x, Axis axis) { return add(ScalarReduce{none, x, Reduction::sum, axis}); }
  /// A 1 x 1 scalar of this constant value, made once.
  Id constant(double value);

  Index columns(Id id) const { return program_.value(id).columns; }
  Index rows(Id id) const { return program_.value(id).rows; }

 private:
  Id add_initial(std::string const& name, Shape const& shape, Initial initial, int line);
  Id add_value(std::string const& name, Shape const& shape, int line);

  Program& program_;
  Block* block_;
  std::set<std::string, std::less<>> names_;
};

}  // namespace widelimit::program
