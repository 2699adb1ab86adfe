#include <set>

#include <spdlog/fmt/fmt.h>

#include "widelimit/program/text.hpp"

#include "program_text.hpp"

namespace widelimit::program {
namespace {

class Printer {
 public:
  explicit Printer(Program const& program) : program_(program) {}

  std::string run() {
    for (auto const& initial : program_.initials)
      text_ += std::visit([&](auto const& c) { return declaration(initial.value, c); },
                          initial.content) +
               "\n";
    print("start", program_.start);
    print("step", program_.step);
    print("observe", program_.observe);
    for (auto const& o : program_.observables) text_ += record(o) + "\n";
    return text_;
  }

 private:
  std::string const& name(Id id) const { return program_.value(id).name; }

  std::string shape(Id id) const {
    auto const& value = program_.value(id);
    return value.kind == Kind::scalar ? fmt::format("[{}, {}]", value.rows, value.columns)
                                      : fmt::format("[{}]", value.columns);
  }

  void print(std::string const& block_name, Block const& block) {
    if (block.empty()) return;
    text_ += block_name + ":\n";
    for (auto const& instruction : block) {
      auto const body = std::visit([&](auto const& i) { return statement(i); }, instruction);
      Id const out = defined(instruction);
      text_ += "  " + (out == none ? body : name(out) + " = " + body) + "\n";
    }
  }

  // Declarations.

  std::string declaration(Id id, GaussianMatrix const& c) const {
    return fmt::format("matrix {} gaussian {}", name(id), c.sigma);
  }
  std::string declaration(Id id, ZeroMatrix const& c) const {
    return fmt::format("matrix {} zero like {}", name(id), name(c.like));
  }
  std::string declaration(Id id, GaussianVector const& c) const {
    return fmt::format("vector {} {} gaussian {}", name(id), shape(id), c.sigma);
  }
  std::string declaration(Id id, GaussianNoise const& c) const {
    return fmt::format("noise {} {} gaussian {}", name(id), shape(id), c.sigma);
  }
  std::string declaration(Id id, ConstantVector const& c) const {
    return fmt::format("vector {} {} constant {}", name(id), shape(id), c.value);
  }
  std::string declaration(Id id, ConstantScalar const& c) const {
    return fmt::format("scalar {} {} constant {}", name(id), shape(id), c.value);
  }
  std::string declaration(Id id, Data const&) const {
    return fmt::format("data {} {}", name(id), shape(id));
  }
  std::string declaration(Id id, Batch const& c) const {
    return fmt::format("batch {} {} of {} by {}", name(id), shape(id), name(c.of),
                       c.columns_per_point);
  }
  std::string declaration(Id id, Schedule const&) const {
    return fmt::format("schedule {} {}", name(id), shape(id));
  }

  // Statements, without the name of the result.

  static std::string groups(Index n) {
    return n == 1 ? std::string() : fmt::format(" in {} groups", n);
  }

  /// An expression, and behind it the operands that only give a shape.
  std::string expression(Expression const& psi, std::vector<Id> const& operands,
                         std::vector<int> const& copies = {}) const {
    std::vector<std::string> names;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      auto text = name(operands[k]);
      if (k < copies.size() && copies[k] > 0) text += fmt::format("{{r{}}}", copies[k]);
      names.push_back(text);
    }
    std::set<std::string> written;
    for (std::size_t k = 0; k < names.size(); ++k)
      if (psi.depends_on(static_cast<int>(k))) written.insert(names[k]);
    std::string unused;
    for (auto const& text : names)
      if (written.insert(text).second) unused += (unused.empty() ? " like " : ", ") + text;
    return to_string(psi, names) + unused;
  }

  static std::vector<Id> joined(std::vector<Id> vectors, std::vector<Id> const& scalars) {
    vectors.insert(vectors.end(), scalars.begin(), scalars.end());
    return vectors;
  }

  std::string map(Id x, ColumnMap const& m) const {
    std::string text = "[";
    for (Index j = 0; j < m.outputs(); ++j) {
      if (j > 0) text += ", ";
      auto const begin = m.start[static_cast<std::size_t>(j)],
                 end = m.start[static_cast<std::size_t>(j) + 1];
      if (begin == end) text += "0";
      for (Index k = begin; k < end; ++k) {
        auto const weight = m.weight[static_cast<std::size_t>(k)];
        if (k > begin) text += " + ";
        if (weight != 1) text += fmt::format("{}*", weight);
        text += fmt::format("{}[{}]", name(x), m.index[static_cast<std::size_t>(k)]);
      }
    }
    return text + "] of " + name(x);
  }

  std::string statement(MatMul const& i) const {
    return name(i.matrix) + (i.transposed ? "'" : "") + " @ " + name(i.x);
  }
  std::string statement(Nonlinear const& i) const {
    return expression(i.psi, joined(i.vectors, i.scalars));
  }
  std::string statement(OuterNonlinear const& i) const {
    std::string rows;
    for (int s = 1; s <= i.order; ++s) rows += fmt::format("{}r{}", s == 1 ? "" : ", ", s);
    return "average over " + rows + ": " +
           expression(i.psi, joined(i.vectors, i.scalars), i.copies);
  }
  std::string statement(MapColumns const& i) const { return map(i.x, *i.map); }
  std::string statement(Combine const& i) const {
    return name(i.x) + " @ " + name(i.s) + groups(i.groups);
  }
  std::string statement(Mean const& i) const {
    return "mean: " + expression(i.psi, joined(i.vectors, i.scalars));
  }
  std::string statement(InnerProducts const& i) const {
    return fmt::format("inner({}, {}){}", name(i.x), name(i.y), groups(i.groups));
  }
  std::string statement(ScalarNonlinear const& i) const { return expression(i.psi, i.scalars); }
  std::string statement(ScalarReduce const& i) const {
    for (auto const& r : detail::reductions)
      if (r.reduction == i.reduction && r.axis == i.axis)
        return fmt::format("{}({})", r.word, name(i.x));
    return "";
  }
  std::string statement(ScalarProduct const& i) const {
    return name(i.a) + " @ " + name(i.b) + groups(i.groups);
  }
  std::string statement(ScalarTranspose const& i) const {
    return fmt::format("transpose({}){}", name(i.x), groups(i.groups));
  }
  std::string statement(ScalarMapColumns const& i) const { return map(i.x, *i.map); }

  std::string factor(Id id) const { return id == none ? "" : name(id) + "*"; }

  std::string statement(UpdateMatrix const& i) const {
    auto text = name(i.matrix) + " <- " + factor(i.decay) + name(i.matrix);
    for (auto const& t : i.outer)
      text += t.d == none ? fmt::format(" + outer({}, {})", name(t.y), name(t.x))
                          : fmt::format(" + outer({}, {}, {})", name(t.y), name(t.d), name(t.x));
    for (auto const& t : i.matrices) text += " + " + factor(t.factor) + name(t.matrix);
    return text;
  }
  std::string statement(UpdateVector const& i) const {
    auto text = name(i.vector) + " <- " + factor(i.decay) + name(i.vector);
    for (auto const& t : i.terms)
      text += " + " + name(t.x) + (t.s == none ? "" : " @ " + name(t.s));
    return text;
  }
  std::string statement(Assign const& i) const { return name(i.target) + " := " + name(i.value); }

  std::string record(Observable const& o) const {
    std::string text = "record ";
    for (auto const& [word, role] : detail::roles)
      if (role == o.role) text += word;
    text += " " + o.name;
    if (!o.set.empty()) text += " set=" + o.set;
    if (o.output != 0) text += fmt::format(" output={}", o.output);
    if (o.in_step != none) text += " step=" + name(o.in_step);
    if (o.in_observe != none) text += " observe=" + name(o.in_observe);
    return text;
  }

  Program const& program_;
  std::string text_;
};

}  // namespace

std::string to_text(Program const& program) {
  return Printer(program).run();
}

}  // namespace widelimit::program
