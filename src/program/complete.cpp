#include "widelimit/program/complete.hpp"

#include <map>
#include <set>

#include <spdlog/fmt/fmt.h>

#include "widelimit/program/builder.hpp"
#include "widelimit/runtime/error.hpp"

#include "operands.hpp"

namespace widelimit::program {
namespace {

/// Why `observe` cannot read a value as `step` does; empty when it can.
std::string obstacle(Program const& program, Id id, std::set<Id> const& changed_before) {
  auto const& value = program.value(id);
  if (value.initial == none) return "";
  auto const& content = program.initial(id).content;
  if (std::holds_alternative<Batch>(content)) return fmt::format("the batch `{}`", value.name);
  if (std::holds_alternative<GaussianNoise>(content))
    return fmt::format("the noise `{}`", value.name);
  if (std::holds_alternative<Schedule>(content))
    return fmt::format("the schedule `{}`", value.name);
  if (changed_before.contains(id))
    return fmt::format("`{}`, which the step has changed before", value.name);
  return "";
}

}  // namespace

void complete_observables(Program& program, std::string const& file) {
  std::vector<Id> wanted;
  for (auto const& o : program.observables)
    if (o.in_observe == none) wanted.push_back(o.in_step);
  if (wanted.empty()) return;
  std::set<Id> needed;
  for (auto const& instruction : pruned(program.step, wanted, false))
    needed.insert(defined(instruction));
  Builder builder(program);
  builder.write_to(program.observe);
  std::set<Id> changed_before;
  std::map<Id, Id> copies;
  for (auto const& original : program.step) {
    Id const out = defined(original);
    if (out == none) {
      changed_before.insert(changed(original));
      continue;
    }
    if (!needed.contains(out)) continue;
    Instruction copy = original;
    auto const& value = program.value(out);
    int const line = value.line;
    detail::visit_reads(copy, [&](Id& id) {
      if (auto const why = obstacle(program, id, changed_before); !why.empty())
        throw InputError({file, line, "program"},
                         fmt::format("a record needs `{}` after the last step, but it depends on "
                                     "{}; compute it in `observe:` and record it with `observe=`",
                                     program.value(out).name, why));
      if (auto const found = copies.find(id); found != copies.end()) id = found->second;
    });
    auto const name = value.name;
    copies[out] = builder.add(copy, name, line);
  }
  for (auto& o : program.observables)
    if (o.in_observe == none) o.in_observe = copies.at(o.in_step);
}

}  // namespace widelimit::program
