#include "parse_operands.hpp"

#include <algorithm>
#include <cctype>

#include <spdlog/fmt/fmt.h>

#include "widelimit/runtime/error.hpp"

#include "line_cursor.hpp"

namespace widelimit::program::detail {
namespace {

/// Calls add(name as it is written, value, copy) for every operand of an expression.
template <class Add>
void for_each_operand(TextNames const& names, std::string_view text,
                      std::vector<std::string> const& rows, Add const& add) {
  for (std::size_t at = 0; at < text.size();) {
    auto const c = static_cast<unsigned char>(text[at]);
    if (std::isdigit(c) != 0 || c == '.') {  // a number, with its exponent
      while (at < text.size() &&
             (is_word_character(text[at]) || text[at] == '.' ||
              ((text[at] == '-' || text[at] == '+') && (text[at - 1] | 32) == 'e')))
        ++at;
      continue;
    }
    if (std::isalpha(c) == 0 && c != '_') {
      ++at;
      continue;
    }
    auto end = at;
    while (end < text.size() && is_word_character(text[end])) ++end;
    auto const value = text.substr(at, end - at);
    auto name = std::string(value);
    int copy = 0;
    if (end < text.size() && text[end] == '{') {
      auto const close = std::min(text.find('}', end), text.size());
      auto const row = text.substr(end + 1, close - end - 1);
      auto const found = std::find(rows.begin(), rows.end(), row);
      if (row.empty() || found == rows.end())
        throw InputError(fmt::format("`{{{}}}` names no row of `average over`", row));
      copy = static_cast<int>(found - rows.begin());
      end = std::min(close + 1, text.size());
      name = std::string(text.substr(at, end - at));
    }
    auto next = end;
    while (next < text.size() && std::isspace(static_cast<unsigned char>(text[next])) != 0) ++next;
    bool const is_function = next < text.size() && text[next] == '(';
    bool const is_pi = value == "pi" && !names.contains(value);
    if (!is_function && !is_pi) add(name, value, copy);
    at = end;
  }
}

std::vector<std::string> joined(std::vector<std::string> first,
                                std::vector<std::string> const& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace

ElementwiseCall parse_elementwise(TextNames const& names, std::string_view text,
                                  std::vector<std::string> const& rows) {
  auto const like = text.find(" like ");
  auto const expression = text.substr(0, like);
  std::vector<std::string> of_vectors, of_scalars;
  ElementwiseCall call;
  auto const add = [&](std::string const& name, std::string_view value, int copy) {
    auto& list = names.value(names.known(value)).kind == Kind::vector ? of_vectors : of_scalars;
    if (std::find(list.begin(), list.end(), name) != list.end()) return;
    list.push_back(name);
    if (&list == &of_vectors) {
      call.vectors.push_back(names.known(value));
      call.copies.push_back(copy);
    } else {
      if (copy != 0) throw InputError(fmt::format("`{}` is a scalar, which has no rows", value));
      call.scalars.push_back(names.known(value));
    }
  };
  for_each_operand(names, expression, rows, add);
  call.psi = parse_expression(expression, joined(of_vectors, of_scalars));
  if (like == std::string_view::npos) return call;
  auto const count = of_vectors.size() + of_scalars.size();
  for_each_operand(names, text.substr(like + 6), rows, add);
  if (of_vectors.size() + of_scalars.size() == count) return call;
  // New operands stand between the arguments that were numbered before.
  call.psi = parse_expression(expression, joined(of_vectors, of_scalars));
  return call;
}

}  // namespace widelimit::program::detail
