#include <algorithm>

#include "widelimit/io/spelling.hpp"
#include "widelimit/program/builder.hpp"
#include "widelimit/program/text.hpp"

#include "line_cursor.hpp"
#include "parse_instruction.hpp"
#include "program_text.hpp"

namespace widelimit::program {
namespace {

using detail::LineCursor;

class Parser {
 public:
  Parser(std::string_view text, std::string const& file, int first_line)
      : file_(file), builder_(program_), names_(program_) {
    int line = first_line;
    for (std::size_t begin = 0; begin <= text.size(); ++line) {
      auto const end = std::min(text.find('\n', begin), text.size());
      auto content = text.substr(begin, end - begin);
      content = content.substr(0, content.find('#'));
      if (!LineCursor(content).at_end()) lines_.push_back({content, line});
      begin = end + 1;
    }
  }

  Program run() {
    note_definitions();
    for (auto const& [content, line] : lines_) {
      line_ = line;
      try {
        statement(LineCursor(content));
      } catch (InputError const& e) {
        throw InputError({file_, line, "program"}, e.what());
      }
    }
    validate(program_, file_);
    return std::move(program_);
  }

 private:
  struct Line {
    std::string_view content;
    int number;
  };

  /// The first line that defines each name, to tell a wrong order from a missing definition.
  void note_definitions() {
    for (auto const& [content, line] : lines_) {
      LineCursor c(content);
      auto const name = c.word();
      if (c.take("=")) names_.foresee(name, line);
    }
  }

  void statement(LineCursor c) {
    auto const start = c.place();
    auto const word = std::string(c.name("a declaration, an instruction or a section"));
    if (word == "record") return record(c);
    if (c.take(":=")) {
      Id const target = names_.known(word);
      Id const value = names_.known(c.name("a value"));
      c.expect_end();
      need_section();
      builder_.add(Assign{target, value});
      return;
    }
    if (c.take(":")) {
      c.expect_end();
      return section(word);
    }
    if (c.take("=")) return define(word, c);
    if (c.take("<-")) {
      need_section();
      return detail::parse_update(names_, word, c, builder_);
    }
    for (auto const declaration : detail::declarations)
      if (word == declaration) return declare(word, c);
    c.back_to(start);
    c.fail(
        fmt::format("expected a declaration ({}), `start:`, `step:`, `observe:`, `record`, or an "
                    "instruction with `=`, `<-` or `:=`",
                    io::join(detail::declarations)));
  }

  void section(std::string const& word) {
    constexpr std::string_view words[] = {"start", "step", "observe"};
    if (word == words[0]) builder_.write_to(program_.start);
    if (word == words[1]) builder_.write_to(program_.step);
    if (word == words[2]) builder_.write_to(program_.observe);
    if (std::find(std::begin(words), std::end(words), word) == std::end(words))
      throw InputError(fmt::format("`{}` is no section{}; sections are {}", word,
                                   io::suggestion(word, words), io::join(words)));
    in_section_ = true;
  }

  void need_section() const {
    if (!in_section_)
      throw InputError("an instruction stands before `start:`, `step:` or `observe:`");
  }

  // Declarations.

  Shape shape(LineCursor& c, Kind kind) const {
    Shape result{kind, 0, 0};
    c.expect("[");
    if (kind == Kind::scalar) {
      result.rows = c.integer();
      c.expect(",");
    }
    result.columns = c.integer();
    c.expect("]");
    if (result.columns < 1 || (kind == Kind::scalar && result.rows < 1))
      throw InputError("rows and columns are at least 1");
    return result;
  }

  double deviation(LineCursor& c) const {
    double const sigma = c.number();
    if (sigma < 0) throw InputError("a deviation is not negative");
    return sigma;
  }

  void declare(std::string const& word, LineCursor& c) {
    auto const name = std::string(c.name("a name"));
    names_.need_new(name);
    Id id = none;
    auto const add = [&](Shape const& s, auto const& content) {
      id = builder_.initial(name, s, content, line_);
    };
    if (word == "matrix") {
      if (c.take("gaussian")) {
        add({Kind::matrix, 0, 0}, GaussianMatrix{deviation(c)});
      } else {
        if (!c.take("zero")) c.fail("expected `gaussian DEVIATION` or `zero like MATRIX`");
        c.expect("like");
        add({Kind::matrix, 0, 0}, ZeroMatrix{names_.known(c.name("a matrix"))});
      }
    } else if (word == "vector") {
      auto const s = shape(c, Kind::vector);
      if (c.take("gaussian"))
        add(s, GaussianVector{deviation(c)});
      else if (c.take("constant"))
        add(s, ConstantVector{c.number()});
      else
        c.fail("expected `gaussian DEVIATION` or `constant VALUE`");
    } else if (word == "noise") {
      auto const s = shape(c, Kind::vector);
      c.expect("gaussian");
      add(s, GaussianNoise{deviation(c)});
    } else {
      auto const s = shape(c, Kind::scalar);
      if (word == "data") {
        add(s, Data{});
      } else if (word == "schedule") {
        add(s, Schedule{});
      } else if (word == "scalar") {
        c.expect("constant");
        add(s, ConstantScalar{c.number()});
      } else {
        c.expect("of");
        Id const of = names_.known(c.name("a scalar"));
        add(s, Batch{of, c.take("by") ? c.integer() : 1});
      }
    }
    c.expect_end();
    names_.add(name, id);
  }

  // Instructions that define a value.

  void define(std::string const& name, LineCursor& c) {
    names_.need_new(name);
    need_section();
    auto const instruction = detail::parse_definition(names_, c);
    names_.add(name, builder_.add(instruction, name, line_));
  }

  // record ROLE NAME set=… output=… step=… observe=…

  void record(LineCursor& c) {
    auto const word = c.name("what is recorded");
    Observable o;
    std::vector<std::string_view> words;
    bool found = false;
    for (auto const& [name, role] : detail::roles) {
      words.push_back(name);
      if (name != word) continue;
      o.role = role;
      found = true;
    }
    if (!found)
      throw InputError(fmt::format("`{}` is nothing that can be recorded{}; known are {}", word,
                                   io::suggestion(word, words), io::join(words)));
    o.name = std::string(c.name("a name"));
    while (!c.at_end()) {
      constexpr std::string_view keys[] = {"set", "output", "step", "observe"};
      auto const key = c.word();
      if (std::find(std::begin(keys), std::end(keys), key) == std::end(keys))
        throw InputError(fmt::format("unknown key `{}` of a record{}; known are {}", key,
                                     io::suggestion(key, keys), io::join(keys)));
      c.expect("=");
      if (key == "set") o.set = std::string(c.name("a set"));
      if (key == "output") o.output = c.integer();
      if (key == "step") o.in_step = names_.known(c.name("a value"));
      if (key == "observe") o.in_observe = names_.known(c.name("a value"));
    }
    program_.observables.push_back(o);
  }

  std::string const& file_;
  Program program_;
  Builder builder_;
  detail::TextNames names_;
  std::vector<Line> lines_;
  int line_ = 0;
  bool in_section_ = false;
};

}  // namespace

Program parse_program(std::string_view text, std::string const& file, int first_line) {
  return Parser(text, file, first_line).run();
}

}  // namespace widelimit::program
