#include "widelimit/program/optimize.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "widelimit/program/column_map.hpp"

#include "operands.hpp"

namespace widelimit::program {
namespace {

/// Merged expressions stay small enough to be compiled.
constexpr std::size_t max_operands = 12, max_nodes = 60;

/// The instruction without its result, to be compared with others.
Instruction anonymous(Instruction instruction) {
  std::visit(
      []<class I>(I& i) {
        if constexpr (requires { i.out; }) i.out = none;
      },
      instruction);
  return instruction;
}

/// One block of a program.
class BlockOptimizer {
 public:
  BlockOptimizer(Program const& program, Block& block, std::vector<Id>& recorded)
      : program_(program), block_(block), recorded_(recorded) {}

  void run() {
    share();
    block_ = pruned(block_, recorded_, true);
    merge_all();
  }

 private:
  Value const& value(Id id) const { return program_.value(id); }

  /// The value that an instruction copies; none when it computes.
  Id copied(Instruction const& instruction) const {
    Id source = none;
    if (auto const* n = std::get_if<Nonlinear>(&instruction)) {
      for (std::size_t k = 0; k < n->vectors.size(); ++k)
        if (n->psi.is_argument(static_cast<int>(k))) source = n->vectors[k];
    } else if (auto const* s = std::get_if<ScalarNonlinear>(&instruction)) {
      for (std::size_t k = 0; k < s->scalars.size(); ++k)
        if (s->psi.is_argument(static_cast<int>(k))) source = s->scalars[k];
    } else if (auto const* m = std::get_if<MapColumns>(&instruction)) {
      if (is_identity(*m->map)) source = m->x;
    } else if (auto const* m = std::get_if<ScalarMapColumns>(&instruction)) {
      if (is_identity(*m->map)) source = m->x;
    }
    if (source == none) return none;
    auto const &from = value(source), &to = value(defined(instruction));
    // An initial value may change before its copy is read.
    bool const equal = from.rows == to.rows && from.columns == to.columns;
    return equal && from.initial == none ? source : none;
  }

  /// Leaves out copies and repetitions.
  void share() {
    std::map<Id, Id> replaced;
    std::vector<Instruction> known;
    std::vector<Id> results;
    Block kept;
    for (auto& instruction : block_) {
      detail::visit_reads(instruction, [&](Id& id) {
        if (auto const found = replaced.find(id); found != replaced.end()) id = found->second;
      });
      Id const out = defined(instruction);
      if (out == none) {
        forget(changed(instruction), known, results);
        kept.push_back(instruction);
        continue;
      }
      if (Id const source = copied(instruction); source != none) {
        replaced[out] = source;
        continue;
      }
      auto const plain = anonymous(instruction);
      auto const found = std::find(known.begin(), known.end(), plain);
      if (found != known.end()) {
        replaced[out] = results[static_cast<std::size_t>(found - known.begin())];
        continue;
      }
      known.push_back(plain);
      results.push_back(out);
      kept.push_back(instruction);
    }
    for (Id& id : recorded_)
      if (auto const found = replaced.find(id); found != replaced.end()) id = found->second;
    block_ = std::move(kept);
  }

  /// Instructions that read what has changed compute something else from now on.
  static void forget(Id id, std::vector<Instruction>& known, std::vector<Id>& results) {
    for (std::size_t k = known.size(); k-- > 0;) {
      auto const inputs = reads(known[k]);
      if (std::find(inputs.begin(), inputs.end(), id) == inputs.end()) continue;
      known.erase(known.begin() + static_cast<std::ptrdiff_t>(k));
      results.erase(results.begin() + static_cast<std::ptrdiff_t>(k));
    }
  }

  // Merging of element-wise instructions.

  void merge_all() {
    std::map<Id, int> uses;
    for (auto const& instruction : block_) {
      auto const inputs = reads(instruction);
      for (Id const id : std::set<Id>(inputs.begin(), inputs.end())) ++uses[id];
    }
    for (Id const id : recorded_) uses[id] += 2;
    std::map<Id, std::size_t> maker;
    std::map<Id, std::size_t> last_change;  // one more than the index of the last update
    std::vector<bool> gone(block_.size(), false);
    for (std::size_t k = 0; k < block_.size(); ++k) {
      auto const candidates = reads(block_[k]);
      for (Id const id : candidates) {
        auto const made = maker.find(id);
        if (made == maker.end() || uses[id] != 1) continue;
        auto const inputs = reads(block_[made->second]);
        bool const stale = std::any_of(inputs.begin(), inputs.end(), [&](Id input) {
          auto const change = last_change.find(input);
          return change != last_change.end() && change->second > made->second;
        });
        if (!stale && merge(block_[made->second], id, block_[k])) gone[made->second] = true;
      }
      if (Id const out = defined(block_[k]); out != none) maker[out] = k;
      if (Id const target = changed(block_[k]); target != none) last_change[target] = k + 1;
    }
    Block kept;
    for (std::size_t k = 0; k < block_.size(); ++k)
      if (!gone[k]) kept.push_back(block_[k]);
    block_ = std::move(kept);
  }

  /// Puts the expression that makes `id` into the instruction that reads it.
  bool merge(Instruction const& maker, Id id, Instruction& reader) const {
    auto const* inner = std::get_if<Nonlinear>(&maker);
    if (auto* outer = std::get_if<Nonlinear>(&reader))
      return inner != nullptr && value(id).columns == value(outer->out).columns &&
             merge(inner->psi, inner->vectors, inner->scalars, id, outer->psi, outer->vectors,
                   outer->scalars);
    if (auto* outer = std::get_if<Mean>(&reader))
      return inner != nullptr && value(id).columns == value(outer->out).columns &&
             merge(inner->psi, inner->vectors, inner->scalars, id, outer->psi, outer->vectors,
                   outer->scalars);
    auto const* scalar = std::get_if<ScalarNonlinear>(&maker);
    auto* outer = std::get_if<ScalarNonlinear>(&reader);
    if (scalar == nullptr || outer == nullptr) return false;
    auto const &from = value(id), &to = value(outer->out);
    std::vector<Id> no_vectors;
    return from.rows == to.rows && from.columns == to.columns &&
           merge(scalar->psi, {}, scalar->scalars, id, outer->psi, no_vectors, outer->scalars);
  }

  static bool merge(Expression const& inner, std::vector<Id> const& inner_vectors,
                    std::vector<Id> const& inner_scalars, Id id, Expression& outer,
                    std::vector<Id>& vectors, std::vector<Id>& scalars) {
    auto const unite = [&](std::vector<Id> const& own, std::vector<Id> const& added) {
      std::vector<Id> all;
      for (auto const* list : {&own, &added})
        for (Id const operand : *list)
          if (operand != id && std::find(all.begin(), all.end(), operand) == all.end())
            all.push_back(operand);
      return all;
    };
    auto const new_vectors = unite(vectors, inner_vectors),
               new_scalars = unite(scalars, inner_scalars);
    if (new_vectors.size() + new_scalars.size() > max_operands) return false;
    auto const argument = [&](Id operand) {
      auto const v = std::find(new_vectors.begin(), new_vectors.end(), operand);
      if (v != new_vectors.end())
        return Expression::argument(static_cast<int>(v - new_vectors.begin()));
      auto const s = std::find(new_scalars.begin(), new_scalars.end(), operand);
      return Expression::argument(
          static_cast<int>(new_vectors.size() + static_cast<std::size_t>(s - new_scalars.begin())));
    };
    std::vector<Expression> of_inner, of_outer;
    for (auto const* list : {&inner_vectors, &inner_scalars})
      for (Id const operand : *list) of_inner.push_back(argument(operand));
    auto const replaced = inner.substituted(of_inner);
    for (auto const* list : {&vectors, &scalars})
      for (Id const operand : *list)
        of_outer.push_back(operand == id ? replaced : argument(operand));
    auto const merged = outer.substituted(of_outer);
    if (merged.nodes().size() > max_nodes) return false;
    outer = merged;
    vectors = new_vectors;
    scalars = new_scalars;
    return true;
  }

  Program const& program_;
  Block& block_;
  std::vector<Id>& recorded_;
};

}  // namespace

void optimize(Program& program) {
  std::vector<Id> nothing, in_step, in_observe;
  for (auto const& o : program.observables) {
    in_step.push_back(o.in_step);
    in_observe.push_back(o.in_observe);
  }
  BlockOptimizer(program, program.start, nothing).run();
  BlockOptimizer(program, program.step, in_step).run();
  BlockOptimizer(program, program.observe, in_observe).run();
  for (std::size_t k = 0; k < program.observables.size(); ++k) {
    program.observables[k].in_step = in_step[k];
    program.observables[k].in_observe = in_observe[k];
  }
}

}  // namespace widelimit::program
