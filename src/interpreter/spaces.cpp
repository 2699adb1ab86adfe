#include "widelimit/interpreter/spaces.hpp"

#include <map>
#include <numeric>

namespace widelimit::interpreter {
namespace {

using program::Id;
using program::Kind;
using program::Program;

/// Sets of nodes that are joined two by two.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  std::size_t root(std::size_t node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }
  void join(std::size_t a, std::size_t b) { parent_[root(a)] = root(b); }

 private:
  std::vector<std::size_t> parent_;
};

class Finder {
 public:
  explicit Finder(Program const& program) : program_(program), sets_(2 * program.values.size()) {}

  Spaces run() {
    for (auto const& initial : program_.initials)
      if (auto const* zero = std::get_if<program::ZeroMatrix>(&initial.content))
        join_matrices(initial.value, zero->like);
    for (auto const* block : {&program_.start, &program_.step, &program_.observe})
      for (auto const& instruction : *block) std::visit(*this, instruction);

    Spaces spaces;
    std::map<std::size_t, int> numbers;
    auto const number = [&](std::size_t node) {
      return numbers.try_emplace(sets_.root(node), static_cast<int>(numbers.size())).first->second;
    };
    for (std::size_t id = 0; id < program_.values.size(); ++id) {
      bool const matrix = program_.values[id].kind == Kind::matrix;
      bool const vector = program_.values[id].kind == Kind::vector;
      spaces.of_vector.push_back(vector ? number(2 * id) : -1);
      spaces.right.push_back(matrix ? number(2 * id) : -1);
      spaces.left.push_back(matrix ? number(2 * id + 1) : -1);
    }
    spaces.count = static_cast<int>(numbers.size());
    return spaces;
  }

  void operator()(program::MatMul const& i) {
    sets_.join(first(i.x), i.transposed ? second(i.matrix) : first(i.matrix));
    sets_.join(first(i.out), i.transposed ? first(i.matrix) : second(i.matrix));
  }
  void operator()(program::Nonlinear const& i) {
    for (Id const x : i.vectors) sets_.join(first(x), first(i.out));
  }
  void operator()(program::OuterNonlinear const& i) {
    for (std::size_t a = 0; a < i.vectors.size(); ++a) {
      if (i.copies[a] == 0) sets_.join(first(i.vectors[a]), first(i.out));
      for (std::size_t b = 0; b < a; ++b)
        if (i.copies[a] == i.copies[b]) sets_.join(first(i.vectors[a]), first(i.vectors[b]));
    }
  }
  void operator()(program::MapColumns const& i) { sets_.join(first(i.x), first(i.out)); }
  void operator()(program::Combine const& i) { sets_.join(first(i.x), first(i.out)); }
  void operator()(program::Mean const& i) {
    for (Id const x : i.vectors) sets_.join(first(x), first(i.vectors.front()));
  }
  void operator()(program::InnerProducts const& i) { sets_.join(first(i.x), first(i.y)); }
  void operator()(program::UpdateMatrix const& i) {
    for (auto const& term : i.outer) {
      sets_.join(first(term.y), second(i.matrix));
      sets_.join(first(term.x), first(i.matrix));
    }
    for (auto const& term : i.matrices) join_matrices(i.matrix, term.matrix);
  }
  void operator()(program::UpdateVector const& i) {
    for (auto const& term : i.terms) sets_.join(first(term.x), first(i.vector));
  }
  void operator()(program::Assign const& i) {
    if (program_.value(i.target).kind == Kind::vector) sets_.join(first(i.value), first(i.target));
  }
  template <class OnScalars>
  void operator()(OnScalars const&) {}

 private:
  /// Of a vector its space, of a matrix its right space.
  static std::size_t first(Id id) { return 2 * static_cast<std::size_t>(id); }
  /// Of a matrix its left space.
  static std::size_t second(Id id) { return 2 * static_cast<std::size_t>(id) + 1; }
  void join_matrices(Id a, Id b) {
    sets_.join(first(a), first(b));
    sets_.join(second(a), second(b));
  }

  Program const& program_;
  DisjointSets sets_;
};

}  // namespace

Spaces find_spaces(Program const& program) {
  return Finder(program).run();
}

}  // namespace widelimit::interpreter
