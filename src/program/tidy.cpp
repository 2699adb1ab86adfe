#include "tidy.hpp"

#include <algorithm>

#include "widelimit/program/shapes.hpp"

namespace widelimit::program::detail {
namespace {

/// Operands of one instruction: vectors first, then scalars.
struct Operands {
  std::vector<Id> vectors, scalars;
  std::vector<int> copies;  ///< of vectors; empty where there are none

  std::size_t count() const { return vectors.size() + scalars.size(); }
  Id at(std::size_t k) const {
    return k < vectors.size() ? vectors[k] : scalars[k - vectors.size()];
  }
  int copy(std::size_t k) const { return k < copies.size() ? copies[k] : 0; }
  bool same(std::size_t k, std::size_t l) const { return at(k) == at(l) && copy(k) == copy(l); }
};

/// The operands that `keep` names, and the expression with its arguments renumbered: argument k
/// becomes the place of `instead[k]` among them.
void select(Expression& psi, Operands& operands, std::vector<bool> const& keep,
            std::vector<std::size_t> const& instead) {
  std::vector<int> place(keep.size(), 0);
  Operands kept;
  int n = 0;
  for (std::size_t k = 0; k < keep.size(); ++k) {
    place[k] = n;
    if (!keep[k]) continue;
    ++n;
    if (k < operands.vectors.size()) {
      kept.vectors.push_back(operands.vectors[k]);
      if (!operands.copies.empty()) kept.copies.push_back(operands.copies[k]);
    } else {
      kept.scalars.push_back(operands.scalars[k - operands.vectors.size()]);
    }
  }
  std::vector<Expression> arguments;
  arguments.reserve(instead.size());
  for (std::size_t const k : instead) arguments.push_back(Expression::argument(place[k]));
  psi = psi.substituted(arguments);
  operands = std::move(kept);
}

/// \param make  the instruction of an expression and operands
template <class Make>
Instruction tidied(Program const& program, Expression psi, Operands operands, Make const& make) {
  auto const shape = result_shape(program, make(psi, operands));
  std::vector<bool> keep(operands.count(), true);
  std::vector<std::size_t> instead(operands.count());
  for (std::size_t k = 0; k < keep.size(); ++k) {
    instead[k] = k;
    for (std::size_t l = 0; l < k && instead[k] == k; ++l)
      if (operands.same(k, l)) instead[k] = l;
    keep[k] = instead[k] == k;
  }
  select(psi, operands, keep, instead);
  for (std::size_t k = operands.count(); k-- > 0;) {
    if (psi.depends_on(static_cast<int>(k))) continue;
    auto fewer = operands;
    auto expression = psi;
    std::vector<bool> without(operands.count(), true);
    std::vector<std::size_t> all(operands.count());
    for (std::size_t l = 0; l < all.size(); ++l) all[l] = l;
    without[k] = false;
    // Nothing reads argument k: any place will do for it.
    if (k + 1 == all.size()) all[k] = 0;
    select(expression, fewer, without, all);
    bool const some_vector = operands.vectors.empty() || !fewer.vectors.empty();
    if (!some_vector || fewer.count() == 0) continue;
    if (result_shape(program, make(expression, fewer)) != shape) continue;
    psi = expression;
    operands = fewer;
  }
  return make(psi, operands);
}

}  // namespace

void tidy(Program const& program, Instruction& instruction) {
  if (auto const* i = std::get_if<Nonlinear>(&instruction)) {
    instruction = tidied(program, i->psi, {i->vectors, i->scalars, {}},
                         [out = i->out](Expression const& psi, Operands const& o) -> Instruction {
                           return Nonlinear{out, psi, o.vectors, o.scalars};
                         });
  } else if (auto const* i = std::get_if<Mean>(&instruction)) {
    instruction = tidied(program, i->psi, {i->vectors, i->scalars, {}},
                         [out = i->out](Expression const& psi, Operands const& o) -> Instruction {
                           return Mean{out, psi, o.vectors, o.scalars};
                         });
  } else if (auto const* i = std::get_if<ScalarNonlinear>(&instruction)) {
    instruction = tidied(program, i->psi, {{}, i->scalars, {}},
                         [out = i->out](Expression const& psi, Operands const& o) -> Instruction {
                           return ScalarNonlinear{out, psi, o.scalars};
                         });
  } else if (auto const* i = std::get_if<OuterNonlinear>(&instruction)) {
    instruction = tidied(
        program, i->psi, {i->vectors, i->scalars, i->copies},
        [out = i->out, order = i->order](Expression const& psi, Operands const& o) -> Instruction {
          return OuterNonlinear{out, order, psi, o.vectors, o.copies, o.scalars};
        });
  }
}

}  // namespace widelimit::program::detail
