#include "widelimit/interpreter/representation.hpp"

#include <algorithm>
#include <set>

namespace widelimit::interpreter {

using program::Id;
using program::Kind;

namespace {

Id base_of(program::Program const& program, Id matrix) {
  auto const* zero = std::get_if<program::ZeroMatrix>(&program.initial(matrix).content);
  return zero ? zero->like : matrix;
}

}  // namespace

Ranks rank_bounds(program::Program const& program, Id matrix, Index steps) {
  Ranks bounds;
  auto const add = [&](program::Block const& block, Index times) {
    std::set<std::pair<Id, bool>> seen;  // vectors and the side on which they are
    auto const count = [&](Id x, bool left) {
      if (!seen.emplace(x, left).second) return;
      Index const columns = program.value(x).columns * times;
      (left ? bounds.left : bounds.right) += columns;
    };
    for (auto const& instruction : block) {
      if (auto const* product = std::get_if<program::MatMul>(&instruction)) {
        if (base_of(program, product->matrix) == matrix) count(product->x, product->transposed);
      } else if (auto const* update = std::get_if<program::UpdateMatrix>(&instruction)) {
        if (base_of(program, update->matrix) != matrix) continue;
        for (auto const& term : update->outer) {
          count(term.y, true);
          count(term.x, false);
        }
      }
    }
  };
  add(program.start, 1);
  add(program.step, steps);
  // Of `observe`, what every step wants and does not compute itself.
  std::vector<Id> wanted;
  for (auto const& observable : program.observables)
    if ((observable.role == program::Role::output || observable.role == program::Role::loss) &&
        observable.in_step == program::none)
      wanted.push_back(observable.in_observe);
  add(program::pruned(program.observe, wanted, false), steps + 1);
  return bounds;
}

Ranks rank_estimate(program::Program const& program, Id matrix, Index steps) {
  return rank_bounds(program, matrix, std::min<Index>(steps, 20));
}

Representation choose(Ranks expected, Index particles) {
  // A product costs 10 (right + left) flops a particle where it costs 2M in a dense matrix; and
  // moments can be matched among fewer columns than there are particles.
  return 4 * std::max(expected.right, expected.left) <= particles ? Representation::conditioned
                                                                  : Representation::dense;
}

double columns_in_memory(program::Program const& program, ExecutorOptions const& options) {
  double columns = 0;
  for (auto const& initial : program.initials) {
    auto const& value = program.value(initial.value);
    if (value.kind == Kind::vector) {
      bool const matched = std::holds_alternative<program::GaussianVector>(initial.content) &&
                           options.matching == MomentMatching::on;
      columns += static_cast<double>(value.columns * (matched ? 2 : 1));
    }
    bool const is_base = std::holds_alternative<program::GaussianMatrix>(initial.content);
    if (!is_base && !std::holds_alternative<program::ZeroMatrix>(initial.content)) continue;
    Id const base = base_of(program, initial.value);
    Ranks const ranks = rank_estimate(program, base, options.steps);
    auto representation = options.representation;
    if (representation == Representation::automatic)
      representation = choose(ranks, options.particles);
    if (representation == Representation::dense)
      columns += static_cast<double>(options.particles);
    else if (is_base)
      columns += 2 * static_cast<double>(std::min(options.particles, ranks.right) +
                                         std::min(options.particles, ranks.left));
  }
  Index most = 0;
  for (auto const* block : {&program.start, &program.step, &program.observe})
    most = std::max(most, program::peak_columns(program, *block));
  return columns + static_cast<double>(most);
}

}  // namespace widelimit::interpreter
