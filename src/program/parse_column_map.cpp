#include "widelimit/program/column_map.hpp"

#include "parse_instruction.hpp"

namespace widelimit::program::detail {

Instruction parse_column_map(TextNames const& names, LineCursor& c) {
  std::vector<MapEntry> entries;
  std::string of;
  Index outputs = 0;
  do {
    auto const begin_of_item = c.place();
    bool const zero = c.take("0") && (c.next_is(",") || c.next_is("]"));
    if (!zero) {
      c.back_to(begin_of_item);
      do {
        MapEntry entry;
        entry.output = outputs;
        auto const begin = c.place();
        auto name = std::string(c.word());
        if (!c.take("[")) {
          c.back_to(begin);
          entry.weight = c.number();
          c.expect("*");
          name = std::string(c.name("a value"));
          c.expect("[");
        }
        entry.input = c.integer();
        c.expect("]");
        if (!of.empty() && of != name)
          throw InputError(
              fmt::format("a map reads columns of one value, but here of `{}` and "
                          "`{}`",
                          of, name));
        of = name;
        entries.push_back(entry);
      } while (c.take("+"));
    }
    ++outputs;
  } while (c.take(","));
  c.expect("]");
  if (c.take("of")) of = std::string(c.name("a value"));
  c.expect_end();
  if (of.empty()) throw InputError("a map of zeros needs `of` and the value that it maps");
  Id const x = names.known(of);
  Index const inputs = names.value(x).columns;
  for (auto const& e : entries)
    if (e.input < 0 || e.input >= inputs)
      throw InputError(
          fmt::format("`{}` has no column {}; it has {}, counted from 0", of, e.input, inputs));
  auto const map = make_map(inputs, outputs, entries);
  if (names.value(x).kind == Kind::vector) return MapColumns{none, x, map};
  return ScalarMapColumns{none, x, map};
}

}  // namespace widelimit::program::detail
