#include "widelimit/io/spelling.hpp"

#include <algorithm>
#include <vector>

namespace widelimit::io {

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      int const replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<std::string_view const> known) {
  std::optional<std::string_view> best;
  int best_distance = 0;
  for (auto const candidate : known) {
    int const distance = edit_distance(word, candidate);
    // A third of the letters may be wrong: beyond that a suggestion misleads.
    int const allowed = std::max(1, static_cast<int>(std::max(word.size(), candidate.size())) / 3);
    if (distance > allowed || (best && distance >= best_distance)) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<std::string_view const> known) {
  auto const meant = nearest(word, known);
  return meant ? " (did you mean `" + std::string(*meant) + "`?)" : "";
}

std::string join(std::span<std::string_view const> words) {
  std::string text;
  for (auto const word : words) {
    if (!text.empty()) text += ", ";
    text += word;
  }
  return text;
}

}  // namespace widelimit::io
