#include "widelimit/program/builder.hpp"

#include <array>

#include "tidy.hpp"

namespace widelimit::program {
namespace {

/// The names of arguments in expressions written as text: vectors first, then scalars.
std::vector<std::string> argument_names(std::size_t vectors, std::size_t scalars) {
  static constexpr std::array<char const*, 6> of_vectors{"x", "y", "z", "u", "v", "w"};
  static constexpr std::array<char const*, 5> of_scalars{"a", "b", "c", "d", "e"};
  std::vector<std::string> names;
  for (std::size_t k = 0; k < vectors; ++k) names.emplace_back(of_vectors.at(k));
  for (std::size_t k = 0; k < scalars; ++k) names.emplace_back(of_scalars.at(k));
  return names;
}

}  // namespace

Builder::Builder(Program& program) : program_(program), block_(&program.start) {
  for (auto const& value : program.values) names_.insert(value.name);
}

Id Builder::add_value(std::string const& name, Shape const& shape, int line) {
  std::string unique = name;
  if (unique.empty() || names_.contains(unique)) {
    auto const stem =
        unique.empty() ? std::string(shape.kind == Kind::scalar ? "s" : "v") : unique + "_";
    auto number = program_.values.size();
    do unique = stem + std::to_string(number++);
    while (names_.contains(unique));
  }
  names_.insert(unique);
  program_.values.push_back({.kind = shape.kind,
                             .name = unique,
                             .rows = shape.rows,
                             .columns = shape.columns,
                             .line = line});
  return static_cast<Id>(program_.values.size()) - 1;
}

Id Builder::add_initial(std::string const& name, Shape const& shape, Initial initial, int line) {
  Id const id = add_value(name, shape, line);
  initial.value = id;
  program_.values.back().initial = static_cast<Id>(program_.initials.size());
  program_.initials.push_back(initial);
  return id;
}

Id Builder::add(Instruction instruction, std::string const& name, int line) {
  auto const shape = result_shape(program_, instruction);
  detail::tidy(program_, instruction);
  Id const out = std::visit(
      [&]<class I>(I& i) {
        if constexpr (requires { i.out; })
          return i.out = add_value(name, shape, line);
        else
          return none;
      },
      instruction);
  block_->push_back(std::move(instruction));
  return out;
}

Id Builder::nonlinear(std::string_view psi, std::vector<Id> const& vectors,
                      std::vector<Id> const& scalars, std::string const& name) {
  auto const names = argument_names(vectors.size(), scalars.size());
  return nonlinear(parse_expression(psi, names), vectors, scalars, name);
}

Id Builder::mean(std::string_view psi, std::vector<Id> const& vectors,
                 std::vector<Id> const& scalars, std::string const& name) {
  auto const names = argument_names(vectors.size(), scalars.size());
  return mean(parse_expression(psi, names), vectors, scalars, name);
}

Id Builder::elementwise(std::string_view psi, std::vector<Id> const& scalars,
                        std::string const& name) {
  auto const names = argument_names(0, scalars.size());
  return add(ScalarNonlinear{none, parse_expression(psi, names), scalars}, name);
}

Id Builder::constant(double value) {
  for (auto const& initial : program_.initials) {
    auto const* content = std::get_if<ConstantScalar>(&initial.content);
    if (content == nullptr || content->value != value) continue;
    auto const& found = program_.value(initial.value);
    if (found.rows == 1 && found.columns == 1 && found.name.starts_with("constant"))
      return initial.value;
  }
  return scalar("constant", 1, 1, value);
}

}  // namespace widelimit::program
