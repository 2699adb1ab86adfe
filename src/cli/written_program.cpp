#include "cli/written_program.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

#include "widelimit/io/spelling.hpp"
#include "widelimit/program/complete.hpp"
#include "widelimit/program/optimize.hpp"
#include "widelimit/program/text.hpp"

namespace widelimit::cli {
namespace {

/// Throws unless a declared shape is the one of the data.
void need_shape(program::Value const& value, Index rows, Index columns, std::string const& what,
                std::string const& file) {
  if (value.rows == rows && value.columns == columns) return;
  throw InputError({file, value.line, "program"},
                   fmt::format("`{}` is declared [{}, {}], but {} are [{}, {}]", value.name,
                               value.rows, value.columns, what, rows, columns));
}

void check_data(program::Value const& value, ProgramData const& data, std::string const& file) {
  constexpr std::string_view names[] = {"train_inputs", "train_targets", "train_lengths",
                                        "test_inputs",  "test_targets",  "test_lengths"};
  auto const known = std::find(std::begin(names), std::end(names), value.name);
  if (known == std::end(names))
    throw InputError({file, value.line, "program"},
                     fmt::format("the run has no data `{}`{}; it gives {}", value.name,
                                 io::suggestion(value.name, names), io::join(names)));
  bool const test = value.name.starts_with("test");
  Index const points = test ? data.test : data.train;
  if (points == 0)
    throw InputError({file, value.line, "program"},
                     fmt::format("`{}` needs data.test, which the file leaves out", value.name));
  if (value.name.ends_with("lengths") && !data.masked)
    throw InputError({file, value.line, "program"},
                     fmt::format("`{}` needs data.train.lengths or data.test.lengths, which the "
                                 "file leaves out",
                                 value.name));
  if (value.name.ends_with("lengths"))
    need_shape(value, 1, points * data.positions,
               "the ends of these sequences (points by positions)", file);
  else if (value.name.ends_with("inputs"))
    need_shape(value, data.channels, points * data.positions,
               "these data (channels, and points by positions)", file);
  else
    need_shape(value, data.outputs, points, "these targets (outputs and points)", file);
}

}  // namespace

program::Program read_program(io::YamlNode const& node, std::string const& file) {
  if (!node.is_scalar()) node.expected("the text of a program, behind `program: |`");
  auto program = program::parse_program(node.as<std::string>(), file, node.line() + 1);
  if (program.observables.empty())
    node.fail("a program records something: give it a line `record …`");
  program::complete_observables(program, file);
  program::optimize(program);
  return program;
}

void check_written_program(program::Program const& program, ProgramData const& data,
                           std::string const& file) {
  auto const is_lengths = [&](program::Initial const& initial) {
    return program.value(initial.value).name == "train_lengths";
  };
  if (data.masked && std::ranges::none_of(program.initials, is_lengths))
    throw InputError({file, 0, "program"},
                     fmt::format("the sequences have lengths, which the program does not read; "
                                 "declare `data train_lengths [1, {}]`, which is 1 at the last "
                                 "position of each point, or leave data.train.lengths out",
                                 data.train * data.positions));
  for (auto const& initial : program.initials) {
    auto const& value = program.value(initial.value);
    if (std::holds_alternative<program::Data>(initial.content)) check_data(value, data, file);
    if (std::holds_alternative<program::Schedule>(initial.content)) {
      if (value.name != "learning_rate")
        throw InputError(
            {file, value.line, "program"},
            fmt::format("the run has no schedule `{}`; it gives `learning_rate`", value.name));
      need_shape(value, 1, 1, "learning rates", file);
    }
    auto const* batch = std::get_if<program::Batch>(&initial.content);
    if (batch == nullptr) continue;
    auto const& whole = program.value(batch->of);
    Index const points = whole.columns / batch->columns_per_point;
    Index const batch_size = data.batch_size == 0 ? data.train : data.batch_size;
    if (points != data.train)
      throw InputError({file, value.line, "program"},
                       fmt::format("`{}` is a batch of `{}`, which has {} points instead of the {} "
                                   "of the training data",
                                   value.name, whole.name, points, data.train));
    need_shape(value, value.rows, batch_size * batch->columns_per_point, "batches (job.batch_size)",
               file);
  }
}

}  // namespace widelimit::cli
