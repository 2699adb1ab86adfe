#include <cctype>
#include <utility>

#include "parse_instruction.hpp"

namespace widelimit::program::detail {
namespace {

/// Reads x <- [decay*]x + terms.
class UpdateParser {
 public:
  UpdateParser(TextNames const& names, Builder& builder) : names_(names), builder_(builder) {}

  void run(std::string const& word, LineCursor& c) {
    Id const target = names_.known(word);
    auto const [decay, first] = term(c);
    if (first != target)
      c.fail(
          fmt::format("an update begins with the old value, `{0} <- {0} + …` or "
                      "`{0} <- factor*{0} + …`",
                      word));
    if (names_.value(target).kind == Kind::matrix) {
      UpdateMatrix update{target, decay, {}, {}};
      while (c.take("+")) matrix_term(update, c);
      c.expect_end();
      builder_.add(update);
    } else if (names_.value(target).kind == Kind::vector) {
      UpdateVector update{target, decay, {}};
      while (c.take("+")) vector_term(update, c);
      c.expect_end();
      builder_.add(update);
    } else {
      throw InputError(fmt::format("`{}` is a scalar, which changes by `:=`", word));
    }
  }

 private:
  /// "a*x" or "x": the factor, none when there is none, and the value.
  std::pair<Id, Id> term(LineCursor& c) {
    auto const begin = c.place();
    auto const first = c.word();
    if (!first.empty() && std::isdigit(static_cast<unsigned char>(first.front())) == 0) {
      if (!c.take("*")) return {none, names_.known(first)};
      return {names_.known(first), names_.known(c.name("a value"))};
    }
    c.back_to(begin);
    double const value = c.number();
    c.expect("*");
    Id const id = names_.known(c.name("a value"));
    return {builder_.constant(value), id};
  }

  void matrix_term(UpdateMatrix& update, LineCursor& c) {
    if (!c.take("outer")) {
      auto const [factor, matrix] = term(c);
      update.matrices.push_back({matrix, factor});
      return;
    }
    c.expect("(");
    Id const y = names_.known(c.name("a vector"));
    c.expect(",");
    Id d = none, x = names_.known(c.name("a vector or a scalar"));
    if (c.take(",")) {
      d = x;
      x = names_.known(c.name("a vector"));
    }
    c.expect(")");
    update.outer.push_back({y, x, d});
  }

  void vector_term(UpdateVector& update, LineCursor& c) {
    auto const [factor, x] = term(c);
    Id s = factor;
    if (c.take("@")) {
      if (factor != none) throw InputError("a term has a factor or a product with `@`, not both");
      s = names_.known(c.name("a scalar"));
    }
    update.terms.push_back({x, s});
  }

  TextNames const& names_;
  Builder& builder_;
};

}  // namespace

void parse_update(TextNames const& names, std::string const& target, LineCursor& c,
                  Builder& builder) {
  UpdateParser(names, builder).run(target, c);
}

}  // namespace widelimit::program::detail
