/// \file
/// Finds what a misspelt word was meant to be.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace widelimit::io {

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
int edit_distance(std::string_view a, std::string_view b);

/// The known word nearest to `word`, unless all are too far off to be meant.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<std::string_view const> known);

/// " (did you mean `b`?)", or nothing where no known word is near.
std::string suggestion(std::string_view word, std::span<std::string_view const> known);

/// "a, b, c".
std::string join(std::span<std::string_view const> words);

}  // namespace widelimit::io
