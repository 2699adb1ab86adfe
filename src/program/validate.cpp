#include <set>

#include <spdlog/fmt/fmt.h>

#include "widelimit/program/shapes.hpp"
#include "widelimit/program/text.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::program {
namespace {

class Validator {
 public:
  Validator(Program const& program, std::string const& file) : program_(program), file_(file) {}

  void run() {
    std::set<std::string> names;
    for (auto const& value : program_.values)
      if (!names.insert(value.name).second)
        fail(value.line, fmt::format("`{}` is the name of two values", value.name));
    for (auto const& initial : program_.initials) check(initial);
    check(program_.start, "start");
    check(program_.step, "step");
    check(program_.observe, "observe");
    for (auto const& o : program_.observables) {
      check_recorded(o, o.in_step, "step");
      check_recorded(o, o.in_observe, "observe");
    }
  }

 private:
  [[noreturn]] void fail(int line, std::string const& message) const {
    throw InputError({file_, line, "program"}, message);
  }

  std::string const& name(Id id) const { return program_.value(id).name; }

  static bool in_step_only(Initial const& initial) {
    return std::holds_alternative<Batch>(initial.content) ||
           std::holds_alternative<GaussianNoise>(initial.content) ||
           std::holds_alternative<Schedule>(initial.content);
  }

  void check(Initial const& initial) const {
    auto const& value = program_.value(initial.value);
    if (auto const* zero = std::get_if<ZeroMatrix>(&initial.content)) {
      auto const& like = program_.value(zero->like);
      bool const gaussian = like.initial != none && std::holds_alternative<GaussianMatrix>(
                                                        program_.initial(zero->like).content);
      if (!gaussian)
        fail(value.line,
             fmt::format("`{}` is like `{}`, which is no Gaussian matrix", value.name, like.name));
    }
    auto const* batch = std::get_if<Batch>(&initial.content);
    if (batch == nullptr) return;
    auto const& of = program_.value(batch->of);
    if (of.kind != Kind::scalar || of.initial == none || in_step_only(program_.initial(batch->of)))
      fail(value.line,
           fmt::format("`{}` is a batch of `{}`, which is neither data nor a scalar that lasts",
                       value.name, of.name));
    Index const part = batch->columns_per_point;
    if (part < 1 || of.columns % part != 0 || value.columns % part != 0 || of.rows != value.rows ||
        value.columns > of.columns)
      fail(value.line, fmt::format("`{}` is {}, which is no batch of `{}`, {}, with {} columns for "
                                   "each point",
                                   value.name, to_string(shape_of(program_, initial.value)),
                                   of.name, to_string(shape_of(program_, batch->of)), part));
  }

  void check(Block const& block, std::string const& block_name) {
    defined_here_.clear();
    for (auto const& instruction : block) {
      Id const out = defined(instruction);
      int const line = out == none ? 0 : program_.value(out).line;
      for (Id const id : reads(instruction)) check_read(id, line, block_name);
      Shape shape;
      try {
        shape = result_shape(program_, instruction);
      } catch (InputError const& e) {
        fail(line, e.what());
      }
      if (out == none) continue;
      if (program_.value(out).initial != none || !defined_.insert(out).second)
        fail(line, fmt::format("`{}` is defined twice", name(out)));
      defined_here_.insert(out);
      if (shape != shape_of(program_, out))
        fail(line, fmt::format("`{}` is {}, but its instruction gives {}", name(out),
                               to_string(shape_of(program_, out)), to_string(shape)));
    }
    defined_in_[block_name == "step" ? 0 : 1] = defined_here_;
  }

  void check_read(Id id, int line, std::string const& block_name) const {
    if (id < 0 || static_cast<std::size_t>(id) >= program_.values.size())
      fail(line, "an instruction reads a value that does not exist");
    if (program_.value(id).initial != none) {
      if (block_name != "step" && in_step_only(program_.initial(id)))
        fail(line, fmt::format("`{}` has a value in `step` alone, but `{}` reads it", name(id),
                               block_name));
      return;
    }
    if (!defined_here_.contains(id))
      fail(line,
           fmt::format("`{}` is read in `{}` before it is defined there", name(id), block_name));
  }

  void check_recorded(Observable const& o, Id id, std::string const& block_name) const {
    if (id == none) return;
    if (!defined_in_[block_name == "step" ? 0 : 1].contains(id))
      fail(0, fmt::format("the record `{}` names `{}`, which `{}` does not define", o.name,
                          name(id), block_name));
    bool const of_vectors =
        o.role == Role::preactivation || o.role == Role::feature || o.role == Role::gradient;
    auto const kind = program_.value(id).kind;
    if (o.role != Role::other && (kind == Kind::vector) != of_vectors)
      fail(program_.value(id).line, fmt::format("the record `{}` needs a {}, but `{}` is {}",
                                                o.name, of_vectors ? "vector" : "scalar", name(id),
                                                to_string(shape_of(program_, id))));
  }

  Program const& program_;
  std::string const& file_;
  std::set<Id> defined_, defined_here_;
  std::set<Id> defined_in_[2];  // of `step` and of the block after it
};

}  // namespace

void validate(Program const& program, std::string const& file) {
  Validator(program, file).run();
}

}  // namespace widelimit::program
