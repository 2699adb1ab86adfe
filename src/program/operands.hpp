/// \file
/// One place that lists what each instruction reads and writes.
#pragma once

#include "widelimit/program/program.hpp"

namespace widelimit::program::detail {

template <class Visitor>
void visit_all(std::vector<Id>& ids, Visitor const& visit) {
  for (Id& id : ids) visit(id);
}

// Calls visit(Id&) for the operands of an instruction, in the order of its members; what is left
// out (`none`) is passed over by visit_reads.

template <class V>
void visit_operands(MatMul& i, V const& visit) {
  visit(i.matrix);
  visit(i.x);
}
template <class V>
void visit_operands(Nonlinear& i, V const& visit) {
  visit_all(i.vectors, visit);
  visit_all(i.scalars, visit);
}
template <class V>
void visit_operands(OuterNonlinear& i, V const& visit) {
  visit_all(i.vectors, visit);
  visit_all(i.scalars, visit);
}
template <class V>
void visit_operands(MapColumns& i, V const& visit) {
  visit(i.x);
}
template <class V>
void visit_operands(Combine& i, V const& visit) {
  visit(i.x);
  visit(i.s);
}
template <class V>
void visit_operands(Mean& i, V const& visit) {
  visit_all(i.vectors, visit);
  visit_all(i.scalars, visit);
}
template <class V>
void visit_operands(InnerProducts& i, V const& visit) {
  visit(i.x);
  visit(i.y);
}
template <class V>
void visit_operands(ScalarNonlinear& i, V const& visit) {
  visit_all(i.scalars, visit);
}
template <class V>
void visit_operands(ScalarReduce& i, V const& visit) {
  visit(i.x);
}
template <class V>
void visit_operands(ScalarProduct& i, V const& visit) {
  visit(i.a);
  visit(i.b);
}
template <class V>
void visit_operands(ScalarTranspose& i, V const& visit) {
  visit(i.x);
}
template <class V>
void visit_operands(ScalarMapColumns& i, V const& visit) {
  visit(i.x);
}
template <class V>
void visit_operands(UpdateMatrix& i, V const& visit) {
  visit(i.matrix);
  visit(i.decay);
  for (OuterTerm& term : i.outer) {
    visit(term.y);
    visit(term.x);
    visit(term.d);
  }
  for (MatrixTerm& term : i.matrices) {
    visit(term.matrix);
    visit(term.factor);
  }
}
template <class V>
void visit_operands(UpdateVector& i, V const& visit) {
  visit(i.vector);
  visit(i.decay);
  for (VectorTerm& term : i.terms) {
    visit(term.x);
    visit(term.s);
  }
}
template <class V>
void visit_operands(Assign& i, V const& visit) {
  visit(i.value);
}

/// Calls visit(Id&) for everything that an instruction reads.
template <class Visitor>
void visit_reads(Instruction& instruction, Visitor const& visit) {
  auto const present = [&](Id& id) {
    if (id != none) visit(id);
  };
  std::visit([&](auto& i) { visit_operands(i, present); }, instruction);
}

}  // namespace widelimit::program::detail
