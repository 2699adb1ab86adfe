#include <algorithm>
#include <map>
#include <optional>

#include "widelimit/io/spelling.hpp"
#include "widelimit/program/builder.hpp"
#include "widelimit/program/column_map.hpp"
#include "widelimit/program/text.hpp"

#include "line_cursor.hpp"
#include "program_text.hpp"

namespace widelimit::program {
namespace {

using detail::LineCursor;

/// What the statements of a text are told apart by.
constexpr std::string_view declarations[] = {"matrix", "vector", "scalar",
                                             "data",   "batch",  "schedule"};

/// Names that would make a line read as something else.
bool is_reserved(std::string_view name) {
  constexpr std::string_view words[] = {"average", "in", "inner", "like",   "mean",     "outer",
                                        "over",    "of", "pi",    "record", "transpose"};
  auto const functions = function_names();
  auto const in = [&](auto const& list) {
    return std::find(std::begin(list), std::end(list), name) != std::end(list);
  };
  bool reserved = in(words) || in(declarations) || in(functions);
  for (auto const& r : detail::reductions) reserved = reserved || r.word == name;
  return reserved;
}

class Parser {
 public:
  Parser(std::string_view text, std::string const& file, int first_line)
      : file_(file), builder_(program_) {
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
      if (c.take("=")) lines_of_.emplace(std::string(name), line);
    }
  }

  void statement(LineCursor c) {
    auto const start = c.place();
    auto const word = std::string(c.name("a declaration, an instruction or a section"));
    if (word == "record") return record(c);
    if (c.take(":=")) {
      Id const target = known(word);
      Id const value = known(c.name("a value"));
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
    if (c.take("<-")) return update(word, c);
    for (auto const declaration : declarations)
      if (word == declaration) return declare(word, c);
    c.back_to(start);
    c.fail(
        fmt::format("expected a declaration ({}), `start:`, `step:`, `observe:`, `record`, or an "
                    "instruction with `=`, `<-` or `:=`",
                    io::join(declarations)));
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

  // Names.

  Id known(std::string_view name) const {
    if (auto const found = ids_.find(name); found != ids_.end()) return found->second;
    if (auto const later = lines_of_.find(name); later != lines_of_.end())
      throw InputError(
          fmt::format("`{}` is read here, but defined on line {} only: the instructions "
                      "stand in a wrong order, or depend on each other in a circle",
                      name, later->second));
    std::vector<std::string_view> names;
    for (auto const& [other, id] : ids_) names.push_back(other);
    throw InputError(fmt::format("nothing is called `{}`{}", name, io::suggestion(name, names)));
  }

  Kind kind(Id id) const { return program_.value(id).kind; }

  void need_new(std::string const& name) const {
    if (is_reserved(name))
      throw InputError(fmt::format("`{}` has a meaning of its own; choose another name", name));
    if (ids_.contains(name)) {
      int const line = program_.value(ids_.find(name)->second).line;
      throw InputError(fmt::format("`{}` is defined already, on line {}", name, line));
    }
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
    need_new(name);
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
        add({Kind::matrix, 0, 0}, ZeroMatrix{known(c.name("a matrix"))});
      }
    } else if (word == "vector") {
      auto const s = shape(c, Kind::vector);
      if (c.take("gaussian"))
        add(s, GaussianVector{deviation(c)});
      else if (c.take("constant"))
        add(s, ConstantVector{c.number()});
      else
        c.fail("expected `gaussian DEVIATION` or `constant VALUE`");
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
        Id const of = known(c.name("a scalar"));
        add(s, Batch{of, c.take("by") ? c.integer() : 1});
      }
    }
    c.expect_end();
    ids_[name] = id;
  }

  // Instructions that define a value.

  void define(std::string const& name, LineCursor& c) {
    need_new(name);
    need_section();
    auto const instruction = right_hand_side(c);
    ids_[name] = builder_.add(instruction, name, line_);
  }

  Index groups(LineCursor& c) const {
    if (!c.take("in")) return 1;
    Index const n = c.integer();
    if (!c.take("groups")) c.expect("group");
    return n;
  }

  Instruction right_hand_side(LineCursor& c) const {
    if (c.take("[")) return column_map(c);
    if (c.take("average")) return outer(c);
    if (c.take("mean")) {
      c.expect(":");
      auto const call = elementwise(c.rest(), {});
      return Mean{none, call.psi, call.vectors, call.scalars};
    }
    auto const begin = c.place();
    auto const word = std::string(c.word());
    if (c.take("(")) {
      if (auto const special = function(word, c)) return *special;
    } else if (!word.empty()) {
      bool const transposed = c.take("'");
      if (c.take("@")) return product(known(word), transposed, c);
      if (transposed) c.fail("expected `@` behind a transposed matrix");
    }
    c.back_to(begin);
    auto const call = elementwise(c.rest(), {});
    if (call.vectors.empty()) return ScalarNonlinear{none, call.psi, call.scalars};
    return Nonlinear{none, call.psi, call.vectors, call.scalars};
  }

  /// inner, transpose and reductions, behind their parenthesis.
  std::optional<Instruction> function(std::string const& word, LineCursor& c) const {
    std::optional<Instruction> result;
    if (word == "inner") {
      Id const x = known(c.name("a vector"));
      c.expect(",");
      Id const y = known(c.name("a vector"));
      c.expect(")");
      result = InnerProducts{none, x, y, groups(c)};
    } else if (word == "transpose") {
      Id const x = known(c.name("a scalar"));
      c.expect(")");
      result = ScalarTranspose{none, x, groups(c)};
    }
    for (auto const& r : detail::reductions) {
      if (r.word != word) continue;
      Id const x = known(c.name("a scalar"));
      c.expect(")");
      result = ScalarReduce{none, x, r.reduction, r.axis};
    }
    if (result) c.expect_end();
    return result;
  }

  Instruction product(Id left, bool transposed, LineCursor& c) const {
    Id const right = known(c.name("a value"));
    auto const k = kind(left);
    if (k != Kind::matrix && transposed)
      throw InputError(fmt::format("`{}` is no matrix; scalars are transposed by `transpose(…)`",
                                   program_.value(left).name));
    Index const n = k == Kind::matrix ? 1 : groups(c);
    c.expect_end();
    if (k == Kind::matrix) return MatMul{none, left, right, transposed};
    if (k == Kind::vector) return Combine{none, left, right, n};
    return ScalarProduct{none, left, right, n};
  }

  Instruction column_map(LineCursor& c) const {
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
    Id const x = known(of);
    Index const inputs = program_.value(x).columns;
    for (auto const& e : entries)
      if (e.input < 0 || e.input >= inputs)
        throw InputError(
            fmt::format("`{}` has no column {}; it has {}, counted from 0", of, e.input, inputs));
    auto const map = make_map(inputs, outputs, entries);
    if (kind(x) == Kind::vector) return MapColumns{none, x, map};
    return ScalarMapColumns{none, x, map};
  }

  Instruction outer(LineCursor& c) const {
    c.expect("over");
    std::vector<std::string> rows{""};
    do rows.emplace_back(c.name("a name for a row"));
    while (c.take(","));
    c.expect(":");
    auto const call = elementwise(c.rest(), rows);
    return OuterNonlinear{
        none, static_cast<int>(rows.size()) - 1, call.psi, call.vectors, call.copies, call.scalars};
  }

  struct Call {
    Expression psi;
    std::vector<Id> vectors, scalars;
    std::vector<int> copies;
  };

  /// An expression of values; `rows` are the names of copies, the first of none.
  Call elementwise(std::string_view text, std::vector<std::string> const& rows) const {
    auto const like = find_like(text);
    auto const expression = text.substr(0, like);
    std::vector<std::string> of_vectors, of_scalars;
    Call call;
    auto const add = [&](std::string const& name, std::string_view value, int copy) {
      auto& list = kind(known(value)) == Kind::vector ? of_vectors : of_scalars;
      if (std::find(list.begin(), list.end(), name) != list.end()) return;
      list.push_back(name);
      if (&list == &of_vectors) {
        call.vectors.push_back(known(value));
        call.copies.push_back(copy);
      } else {
        if (copy != 0) throw InputError(fmt::format("`{}` is a scalar, which has no rows", value));
        call.scalars.push_back(known(value));
      }
    };
    for_each_operand(expression, rows, add);
    auto names = of_vectors;
    names.insert(names.end(), of_scalars.begin(), of_scalars.end());
    call.psi = parse_expression(expression, names);
    if (like == std::string_view::npos) return call;
    auto const count = names.size();
    for_each_operand(text.substr(like + 6), rows, add);
    if (of_vectors.size() + of_scalars.size() == count) return call;
    // New operands stand between the arguments that were numbered before.
    auto all = of_vectors;
    all.insert(all.end(), of_scalars.begin(), of_scalars.end());
    call.psi = parse_expression(expression, all);
    return call;
  }

  static std::size_t find_like(std::string_view text) { return text.find(" like "); }

  /// Calls add(name as it is written, value, copy) for every operand of an expression.
  template <class Add>
  void for_each_operand(std::string_view text, std::vector<std::string> const& rows,
                        Add const& add) const {
    for (std::size_t at = 0; at < text.size();) {
      auto const c = static_cast<unsigned char>(text[at]);
      if (std::isdigit(c) != 0 || c == '.') {  // a number, with its exponent
        while (at < text.size() &&
               (detail::is_word_character(text[at]) || text[at] == '.' ||
                ((text[at] == '-' || text[at] == '+') && (text[at - 1] | 32) == 'e')))
          ++at;
        continue;
      }
      if (std::isalpha(c) == 0 && c != '_') {
        ++at;
        continue;
      }
      auto end = at;
      while (end < text.size() && detail::is_word_character(text[end])) ++end;
      auto const value = text.substr(at, end - at);
      auto name = std::string(value);
      int copy = 0;
      if (end < text.size() && text[end] == '{') {
        auto const close = std::min(text.find('}', end), text.size());
        auto const row = text.substr(end + 1, close - end - 1);
        auto const found = std::find(rows.begin(), rows.end(), row);
        if (row.empty() || found == rows.end())
          throw InputError(fmt::format("`{{{}}}` names no row of `average over`", row));
        copy = static_cast<int>(found - rows.begin());
        end = std::min(close + 1, text.size());
        name = std::string(text.substr(at, end - at));
      }
      auto next = end;
      while (next < text.size() && std::isspace(static_cast<unsigned char>(text[next])) != 0)
        ++next;
      bool const is_function = next < text.size() && text[next] == '(';
      bool const is_pi = value == "pi" && !ids_.contains(value);
      if (!is_function && !is_pi) add(name, value, copy);
      at = end;
    }
  }

  // Updates: x <- [decay*]x + terms.

  /// "a*x" or "x": the factor, none when there is none, and the value.
  std::pair<Id, Id> term(LineCursor& c) {
    auto const begin = c.place();
    auto const first = c.word();
    if (!first.empty() && std::isdigit(static_cast<unsigned char>(first.front())) == 0) {
      if (!c.take("*")) return {none, known(first)};
      return {known(first), known(c.name("a value"))};
    }
    c.back_to(begin);
    double const value = c.number();
    c.expect("*");
    Id const id = known(c.name("a value"));
    return {builder_.constant(value), id};
  }

  void update(std::string const& word, LineCursor& c) {
    need_section();
    Id const target = known(word);
    auto const [decay, first] = term(c);
    if (first != target)
      c.fail(
          fmt::format("an update begins with the old value, `{0} <- {0} + …` or "
                      "`{0} <- factor*{0} + …`",
                      word));
    if (kind(target) == Kind::matrix) {
      UpdateMatrix update{target, decay, {}, {}};
      while (c.take("+")) matrix_term(update, c);
      c.expect_end();
      builder_.add(update);
    } else if (kind(target) == Kind::vector) {
      UpdateVector update{target, decay, {}};
      while (c.take("+")) vector_term(update, c);
      c.expect_end();
      builder_.add(update);
    } else {
      throw InputError(fmt::format("`{}` is a scalar, which changes by `:=`", word));
    }
  }

  void matrix_term(UpdateMatrix& update, LineCursor& c) {
    if (!c.take("outer")) {
      auto const [factor, matrix] = term(c);
      update.matrices.push_back({matrix, factor});
      return;
    }
    c.expect("(");
    Id const y = known(c.name("a vector"));
    c.expect(",");
    Id d = none, x = known(c.name("a vector or a scalar"));
    if (c.take(",")) {
      d = x;
      x = known(c.name("a vector"));
    }
    c.expect(")");
    update.outer.push_back({y, x, d});
  }

  void vector_term(UpdateVector& update, LineCursor& c) {
    auto const [factor, x] = term(c);
    Id s = factor;
    if (c.take("@")) {
      if (factor != none) throw InputError("a term has a factor or a product with `@`, not both");
      s = known(c.name("a scalar"));
    }
    update.terms.push_back({x, s});
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
      if (key == "step") o.in_step = known(c.name("a value"));
      if (key == "observe") o.in_observe = known(c.name("a value"));
    }
    program_.observables.push_back(o);
  }

  std::string const& file_;
  Program program_;
  Builder builder_;
  std::vector<Line> lines_;
  std::map<std::string, int, std::less<>> lines_of_;
  std::map<std::string, Id, std::less<>> ids_;
  int line_ = 0;
  bool in_section_ = false;
};

}  // namespace

Program parse_program(std::string_view text, std::string const& file, int first_line) {
  return Parser(text, file, first_line).run();
}

}  // namespace widelimit::program
