#include <optional>

#include "parse_instruction.hpp"
#include "parse_operands.hpp"
#include "program_text.hpp"

namespace widelimit::program::detail {
namespace {

Index groups(LineCursor& c) {
  if (!c.take("in")) return 1;
  Index const n = c.integer();
  if (!c.take("groups")) c.expect("group");
  return n;
}

/// inner, transpose and reductions, behind their parenthesis.
std::optional<Instruction> function(TextNames const& names, std::string const& word,
                                    LineCursor& c) {
  std::optional<Instruction> result;
  if (word == "inner") {
    Id const x = names.known(c.name("a vector"));
    c.expect(",");
    Id const y = names.known(c.name("a vector"));
    c.expect(")");
    result = InnerProducts{none, x, y, groups(c)};
  } else if (word == "transpose") {
    Id const x = names.known(c.name("a scalar"));
    c.expect(")");
    result = ScalarTranspose{none, x, groups(c)};
  }
  for (auto const& r : reductions) {
    if (r.word != word) continue;
    Id const x = names.known(c.name("a scalar"));
    c.expect(")");
    result = ScalarReduce{none, x, r.reduction, r.axis};
  }
  if (result) c.expect_end();
  return result;
}

Instruction product(TextNames const& names, Id left, bool transposed, LineCursor& c) {
  Id const right = names.known(c.name("a value"));
  auto const k = names.value(left).kind;
  if (k != Kind::matrix && transposed)
    throw InputError(fmt::format("`{}` is no matrix; scalars are transposed by `transpose(…)`",
                                 names.value(left).name));
  Index const n = k == Kind::matrix ? 1 : groups(c);
  c.expect_end();
  if (k == Kind::matrix) return MatMul{none, left, right, transposed};
  if (k == Kind::vector) return Combine{none, left, right, n};
  return ScalarProduct{none, left, right, n};
}

Instruction average(TextNames const& names, LineCursor& c) {
  c.expect("over");
  std::vector<std::string> rows{""};
  do rows.emplace_back(c.name("a name for a row"));
  while (c.take(","));
  c.expect(":");
  auto const call = parse_elementwise(names, c.rest(), rows);
  return OuterNonlinear{
      none, static_cast<int>(rows.size()) - 1, call.psi, call.vectors, call.copies, call.scalars};
}

}  // namespace

Instruction parse_definition(TextNames const& names, LineCursor& c) {
  if (c.take("[")) return parse_column_map(names, c);
  if (c.take("average")) return average(names, c);
  if (c.take("mean")) {
    c.expect(":");
    auto const call = parse_elementwise(names, c.rest());
    return Mean{none, call.psi, call.vectors, call.scalars};
  }
  auto const begin = c.place();
  auto const word = std::string(c.word());
  if (c.take("(")) {
    if (auto const special = function(names, word, c)) return *special;
  } else if (!word.empty()) {
    bool const transposed = c.take("'");
    if (c.take("@")) return product(names, names.known(word), transposed, c);
    if (transposed) c.fail("expected `@` behind a transposed matrix");
  }
  c.back_to(begin);
  auto const call = parse_elementwise(names, c.rest());
  if (call.vectors.empty()) return ScalarNonlinear{none, call.psi, call.scalars};
  return Nonlinear{none, call.psi, call.vectors, call.scalars};
}

}  // namespace widelimit::program::detail
