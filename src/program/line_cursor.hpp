/// \file
/// Reads the words of one line.
#pragma once

#include <cctype>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include <spdlog/fmt/fmt.h>

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::program::detail {

inline bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// A place in a line. What it throws are InputErrors without a place.
class LineCursor {
 public:
  explicit LineCursor(std::string_view line) : line_(line) {}

  /// Whether nothing but blanks is left.
  bool at_end() {
    skip_blanks();
    return at_ == line_.size();
  }

  /// Moves over `symbol` if it comes next; a word is taken as a whole only.
  bool take(std::string_view symbol) {
    skip_blanks();
    if (line_.substr(at_, symbol.size()) != symbol) return false;
    auto const end = at_ + symbol.size();
    if (is_word_character(symbol.back()) && end < line_.size() && is_word_character(line_[end]))
      return false;
    at_ = end;
    return true;
  }

  bool next_is(std::string_view symbol) {
    auto const here = at_;
    bool const found = take(symbol);
    at_ = here;
    return found;
  }

  void expect(std::string_view symbol) {
    if (!take(symbol)) fail(fmt::format("expected `{}`", symbol));
  }

  /// A name; empty when none comes next.
  std::string_view word() {
    skip_blanks();
    auto const begin = at_;
    while (at_ < line_.size() && is_word_character(line_[at_])) ++at_;
    return line_.substr(begin, at_ - begin);
  }

  std::string_view name(std::string_view what) {
    auto const found = word();
    if (found.empty() || std::isdigit(static_cast<unsigned char>(found.front())) != 0)
      fail(fmt::format("expected {}", what));
    return found;
  }

  Index integer() {
    Index value = 0;
    read(value, "a whole number");
    return value;
  }

  double number() {
    double value = 0;
    read(value, "a number");
    if (!std::isfinite(value)) fail("expected a finite number");
    return value;
  }

  /// What is left, without blanks around it.
  std::string_view rest() {
    skip_blanks();
    auto text = line_.substr(at_);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
      text.remove_suffix(1);
    return text;
  }

  void expect_end() {
    if (!at_end()) fail("expected the end of the line");
  }

  std::size_t place() const { return at_; }
  void back_to(std::size_t place) { at_ = place; }

  [[noreturn]] void fail(std::string const& message) {
    auto const found = rest();
    throw InputError(found.empty() ? message + ", found the end of the line"
                                   : fmt::format("{}, found `{}`", message, found));
  }

 private:
  void skip_blanks() {
    while (at_ < line_.size() && std::isspace(static_cast<unsigned char>(line_[at_])) != 0) ++at_;
  }

  template <class Number>
  void read(Number& value, char const* what) {
    skip_blanks();
    auto const* const begin = line_.data() + at_;
    auto const [end, error] = std::from_chars(begin, line_.data() + line_.size(), value);
    if (error != std::errc()) fail(fmt::format("expected {}", what));
    at_ += static_cast<std::size_t>(end - begin);
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

}  // namespace widelimit::program::detail
