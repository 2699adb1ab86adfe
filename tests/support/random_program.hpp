/// \file
/// Random programs that use every instruction that can be differentiated.
#pragma once

#include <random>
#include <vector>

#include "widelimit/program/builder.hpp"
#include "widelimit/program/column_map.hpp"

#include "support/random_expression.hpp"

namespace widelimit::test {

struct RandomProgram {
  program::Program program;
  std::vector<program::Id> initial;  ///< one or more of each kind
  program::Id loss = program::none;  ///< 1 x 1, defined in `step`
};

/// Writes one random program.
class RandomProgramMaker {
 public:
  explicit RandomProgramMaker(unsigned seed) : engine_(seed) {}

  RandomProgram make(int instructions) {
    RandomProgram result;
    program::Builder b(result.program);
    b.write_to(result.program.step);
    matrices_ = {b.matrix("W", 1.2), b.matrix("B", 0.7)};
    vectors_ = {b.gaussian("x", 2, 1), b.gaussian("u", 1, 1), b.gaussian("z", 4, 1)};
    scalars_ = {b.scalar("c", 1, 1, 0.6), b.scalar("d", 1, 2, -0.4), b.scalar("S", 2, 4, 0.3)};
    result.initial = matrices_;
    result.initial.insert(result.initial.end(), vectors_.begin(), vectors_.end());
    result.initial.insert(result.initial.end(), scalars_.begin(), scalars_.end());
    for (int k = 0; k < instructions; ++k) append(b);
    // The loss depends on the last values of each kind.
    auto const v = vectors_.back();
    auto const average = b.mean("tanh(x)*x", {v});
    auto const part = b.elementwise("a + tanh(b)", {b.sum(average, program::Axis::all),
                                                    b.sum(scalars_.back(), program::Axis::all)});
    result.loss = b.elementwise("a*a + a", {part});
    return result;
  }

 private:
  using Id = program::Id;

  int pick(std::size_t n) {
    return std::uniform_int_distribution<int>(0, static_cast<int>(n) - 1)(engine_);
  }
  /// Later values more often, so that chains become long.
  Id pick(std::vector<Id> const& ids) {
    auto const i = std::max(pick(ids.size()), pick(ids.size()));
    return ids[static_cast<std::size_t>(i)];
  }

  /// A vector that fits in columns to the first one.
  Id fitting(program::Builder const& b, Index columns) {
    for (int tries = 0; tries < 50; ++tries) {
      Id const id = pick(vectors_);
      if (b.columns(id) == columns || b.columns(id) == 1 || columns == 1) return id;
    }
    return vectors_[1];
  }
  /// A row of one or as many columns.
  std::vector<Id> fitting_row(program::Builder& b, Index columns) {
    Id const id = pick(scalars_);
    if (b.rows(id) == 1 && (b.columns(id) == 1 || b.columns(id) == columns)) return {id};
    return {b.sum(id, program::Axis::all)};
  }

  program::Expression psi(std::size_t arguments) {
    return random_expression(engine_, static_cast<int>(arguments), 3) +
           0.5 * program::Expression::argument(pick(arguments));
  }

  void append(program::Builder& b) {
    using namespace program;  // NOLINT(google-build-using-namespace)
    auto const vector = [&](Instruction const& i) { vectors_.push_back(b.add(i)); };
    auto const scalar = [&](Instruction const& i) { scalars_.push_back(b.add(i)); };
    Id const x = pick(vectors_), s = pick(scalars_);
    Index const columns = b.columns(x);
    switch (pick(13)) {
      case 0:
      case 1:
        return vector(MatMul{none, pick(matrices_), x, pick(2) == 0});
      case 2:
      case 3: {
        Id const y = fitting(b, columns);
        auto const row = fitting_row(b, std::max(columns, b.columns(y)));
        return vector(Nonlinear{none, psi(2 + row.size()), {x, y}, row});
      }
      case 4: {
        Id const y = fitting(b, columns);
        auto const row = fitting_row(b, std::max(columns, b.columns(y)));
        int const order = 1 + pick(2);
        return vector(OuterNonlinear{
            none, order, psi(3 + row.size()), {x, y, x}, {0, 1, pick(3) % (order + 1)}, row});
      }
      case 5: {
        std::vector<MapEntry> entries;
        Index const outputs = 1 + pick(4);
        for (Index c = 0; c < columns; ++c) entries.push_back({c, pick(4) % outputs, 0.5});
        entries.push_back({0, outputs - 1, -0.7});
        return vector(MapColumns{none, x, make_map(columns, outputs, entries)});
      }
      case 6: {
        Id const y = fitting(b, columns);
        auto const row = fitting_row(b, std::max(columns, b.columns(y)));
        return scalar(Mean{none, psi(2 + row.size()), {x, y}, row});
      }
      case 7: {
        Id const y = pick(vectors_);
        bool const halves = columns % 2 == 0 && b.columns(y) % 2 == 0 && pick(2) == 0;
        return scalar(InnerProducts{none, x, y, halves ? 2 : 1});
      }
      case 8: {
        for (Id const t : scalars_)
          if (b.rows(t) == columns && pick(2) == 0) return vector(Combine{none, x, t});
        // S is 2 x 4: two groups of two columns, or one
        if (columns == 4) return vector(Combine{none, x, scalars_[2], 2});
        if (columns == 2) return vector(Combine{none, x, scalars_[2], 1});
        return vector(MatMul{none, pick(matrices_), x});
      }
      case 9: {
        Id const t = b.sum(pick(scalars_), pick(2) == 0 ? Axis::all : Axis::all);
        return scalar(ScalarNonlinear{none, psi(2), {s, t}});
      }
      case 10: {
        constexpr Axis axes[] = {Axis::rows, Axis::columns, Axis::all};
        return scalar(ScalarReduce{none, s, pick(3) == 0 ? Reduction::maximum : Reduction::sum,
                                   axes[pick(3)]});
      }
      case 11: {
        Id const transposed = b.transpose(s);
        return scalar(ScalarProduct{none, s, transposed});
      }
      default: {
        Index const all = b.columns(s);
        if (all % 2 == 0 && pick(2) == 0) {
          Id const turned = b.transpose(s, 2);
          return scalar(ScalarProduct{none, s, turned, 2});
        }
        return scalar(ScalarMapColumns{
            none, s, make_map(all, 2, {{0, 0, 0.8}, {all - 1, 1, -0.5}, {all / 2, 0, 0.3}})});
      }
    }
  }

  std::mt19937_64 engine_;
  std::vector<Id> matrices_ = {}, vectors_ = {}, scalars_ = {};
};

}  // namespace widelimit::test
