#include "widelimit/program/program.hpp"

#include <algorithm>
#include <set>

#include "operands.hpp"

namespace widelimit::program {

Id defined(Instruction const& instruction) {
  return std::visit(
      []<class I>(I const& i) {
        if constexpr (requires { i.out; })
          return i.out;
        else
          return none;
      },
      instruction);
}

Id changed(Instruction const& instruction) {
  if (auto const* matrix = std::get_if<UpdateMatrix>(&instruction)) return matrix->matrix;
  if (auto const* vector = std::get_if<UpdateVector>(&instruction)) return vector->vector;
  if (auto const* assign = std::get_if<Assign>(&instruction)) return assign->target;
  return none;
}

std::vector<Id> reads(Instruction const& instruction) {
  std::vector<Id> ids;
  auto copy = instruction;
  detail::visit_reads(copy, [&](Id& id) { ids.push_back(id); });
  return ids;
}

std::vector<LiveRange> live_ranges(Block const& block, std::vector<Id> const& recorded) {
  std::vector<LiveRange> ranges;
  std::vector<Index> place;  // in `ranges`, by value; -1: not defined here
  auto const range_of = [&](Id id) -> LiveRange* {
    auto const i = static_cast<std::size_t>(id);
    return i < place.size() && place[i] >= 0 ? &ranges[static_cast<std::size_t>(place[i])]
                                             : nullptr;
  };
  for (std::size_t k = 0; k < block.size(); ++k) {
    auto const now = static_cast<Index>(k);
    for (Id const id : reads(block[k]))
      if (auto* const range = range_of(id)) range->last_read = now;
    Id const out = defined(block[k]);
    if (out == none) continue;
    if (static_cast<std::size_t>(out) >= place.size())
      place.resize(static_cast<std::size_t>(out) + 1, -1);
    place[static_cast<std::size_t>(out)] = static_cast<Index>(ranges.size());
    ranges.push_back({out, now, now});
  }
  for (Id const id : recorded)
    if (auto* const range = id == none ? nullptr : range_of(id))
      range->last_read = static_cast<Index>(block.size());
  return ranges;
}

Index peak_columns(Program const& program, Block const& block, std::vector<Id> const& recorded) {
  std::vector<Index> change(block.size() + 2, 0);
  for (auto const& range : live_ranges(block, recorded)) {
    auto const& value = program.value(range.value);
    if (value.kind != Kind::vector) continue;
    change[static_cast<std::size_t>(range.defined)] += value.columns;
    change[static_cast<std::size_t>(range.last_read) + 1] -= value.columns;
  }
  Index columns = 0, peak = 0;
  for (Index const c : change) peak = std::max(peak, columns += c);
  return peak;
}

Block pruned(Block const& block, std::vector<Id> const& wanted, bool keep_updates) {
  std::set<Id> needed(wanted.begin(), wanted.end());
  Block kept;
  for (std::size_t k = block.size(); k-- > 0;) {
    auto const& instruction = block[k];
    Id const out = defined(instruction);
    bool const keep = out == none ? keep_updates : needed.contains(out);
    if (!keep) continue;
    for (Id const id : reads(instruction)) needed.insert(id);
    kept.push_back(instruction);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

}  // namespace widelimit::program
