#include "widelimit/io/units.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>
#include <vector>

namespace widelimit::io {
namespace {

constexpr double minute = 60, hour = 3600, day = 86400;

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

/// Takes a number without sign or exponent off the front of `text`.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  if (text.empty() || text.front() == '-') return {};
  auto const [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(value)) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// Takes the letters off the front of `text`.
std::string_view take_word(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && std::isalpha(static_cast<unsigned char>(text[length]))) ++length;
  auto const word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

std::optional<double> seconds_of(std::string_view unit) {
  static constexpr std::array<std::pair<std::string_view, double>, 16> units{{{"s", 1},
                                                                              {"sec", 1},
                                                                              {"secs", 1},
                                                                              {"second", 1},
                                                                              {"seconds", 1},
                                                                              {"m", minute},
                                                                              {"min", minute},
                                                                              {"mins", minute},
                                                                              {"minute", minute},
                                                                              {"minutes", minute},
                                                                              {"h", hour},
                                                                              {"hour", hour},
                                                                              {"hours", hour},
                                                                              {"d", day},
                                                                              {"day", day},
                                                                              {"days", day}}};
  for (auto const& [name, seconds] : units)
    if (unit == name) return seconds;
  return {};
}

/// The whole numbers between the colons of `text`; none when it is anything else.
std::optional<std::vector<double>> clock_fields(std::string_view text) {
  std::vector<double> fields;
  while (true) {
    auto const end = text.find(':');
    auto const field = text.substr(0, end);
    Index value = 0;
    auto const [stop, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || stop != field.data() + field.size() || value < 0) return {};
    fields.push_back(static_cast<double>(value));
    if (end == std::string_view::npos) return fields;
    text.remove_prefix(end + 1);
  }
}

std::optional<Seconds> parse_slurm(std::string_view text) {
  auto const dash = text.find('-');
  bool const has_days = dash != std::string_view::npos;
  double seconds = 0;
  if (has_days) {
    auto const days = clock_fields(text.substr(0, dash));
    if (!days || days->size() != 1) return {};
    seconds = days->front() * day;
    text.remove_prefix(dash + 1);
  }
  auto const fields = clock_fields(text);
  if (!fields || fields->size() > 3) return {};
  // After days the fields start at the hours; without days they end at the seconds.
  double unit = has_days || fields->size() == 3 ? hour : minute;
  if (!has_days && fields->size() == 1) return {};
  for (double const field : *fields) {
    seconds += field * unit;
    unit /= 60;
  }
  return Seconds(seconds);
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

std::optional<Index> parse_bytes(std::string_view text) {
  text = trim(text);
  auto const number = take_number(text);
  if (!number) return {};
  text = trim(text);
  auto const unit = take_word(text);
  if (!text.empty() || unit.empty() || unit.back() != 'B') return {};
  auto const prefix = unit.substr(0, unit.size() - 1);
  double factor = 1;
  if (!prefix.empty()) {
    bool const binary = prefix.size() == 2 && prefix[1] == 'i';
    if (prefix.size() != 1 && !binary) return {};
    char const letter = prefix[0] == 'k' ? 'K' : prefix[0];
    auto const power = std::string_view("KMGT").find(letter);
    if (power == std::string_view::npos) return {};
    factor = std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
  }
  double const bytes = std::floor(*number * factor);
  if (bytes > std::ldexp(1.0, 62)) return {};
  return static_cast<Index>(bytes);
}

std::optional<Seconds> parse_duration(std::string_view text) {
  text = trim(text);
  if (text.find_first_of(":-") != std::string_view::npos) return parse_slurm(text);
  if (text.empty()) return {};
  double seconds = 0;
  while (!text.empty()) {
    auto const number = take_number(text);
    if (!number) return {};
    text = trim(text);
    auto const unit = seconds_of(take_word(text));
    if (!unit) return {};
    seconds += *number * *unit;
    text = trim(text);
  }
  return Seconds(seconds);
}

}  // namespace widelimit::io
