#include "widelimit/io/identity.hpp"

#include <sstream>

#include "widelimit/runtime/error.hpp"

namespace widelimit::io {
namespace {

std::string trimmed(std::string const& line) {
  auto const first = line.find_first_not_of(" \t");
  return first == std::string::npos ? "" : line.substr(first);
}

/// "line 3 was `a` and is now `b`".
std::string first_difference(std::string const& stored, std::string const& now) {
  std::istringstream old_lines(stored);
  std::istringstream new_lines(now);
  for (int number = 1;; ++number) {
    std::string was;
    std::string is;
    bool const had = static_cast<bool>(std::getline(old_lines, was));
    bool const has = static_cast<bool>(std::getline(new_lines, is));
    if (!had && !has) return "they are equal";
    std::string const line = "line " + std::to_string(number);
    if (!has) return line + " `" + trimmed(was) + "` is gone";
    if (!had) return line + " `" + trimmed(is) + "` is new";
    if (was != is) return line + " was `" + trimmed(was) + "` and is now `" + trimmed(is) + "`";
  }
}

}  // namespace

std::string canonical_text(std::string const& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) {
    auto const last = line.find_last_not_of(" \t\r");
    if (last != std::string::npos) result += line.substr(0, last + 1) + "\n";
  }
  return result;
}

void require_same(Identity const& stored, Identity const& now, std::string const& file) {
  std::string const remedy =
      " or start over without --resume (--overwrite replaces the file, and its work is lost).";
  if (stored.format != now.format) {
    throw InputError(file + ": this checkpoint has format version " + stored.format +
                     ", and this program reads version " + now.format +
                     ". Go on with the program that wrote it (widelimit " + stored.program_version +
                     ")," + remedy);
  }
  if (stored.program_version != now.program_version) {
    throw InputError(file + ": this checkpoint was written by widelimit " + stored.program_version +
                     ", and this is widelimit " + now.program_version +
                     "; their results may differ. Go on with the former," + remedy);
  }
  if (stored.input != now.input) {
    throw InputError(file + ": this checkpoint belongs to another input: " +
                     first_difference(stored.input, now.input) + ". Go on with the former input," +
                     remedy);
  }
}

}  // namespace widelimit::io
