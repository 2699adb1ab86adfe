#include "widelimit/program/code.hpp"

#include <vector>

#include <spdlog/fmt/fmt.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::program {
namespace {

[[noreturn]] void too_large(char const* what, int limit) {
  throw InputError(
      fmt::format("an expression needs more than {} {}; split it over several "
                  "instructions",
                  limit, what));
}

/// Assigns places to the nodes of one expression.
template <class Real>
class Compiler {
 public:
  Compiler(Expression const& psi, int n_vectors, int n_scalars) : nodes_(psi.nodes()) {
    using Limits = Code<Real>;
    if (n_vectors + n_scalars > Limits::max_arguments)
      too_large("arguments", Limits::max_arguments);
    code_.n_vectors = n_vectors;
    code_.n_scalars = n_scalars;
    place_.resize(nodes_.size(), {Place::block, 0});
    last_use_.resize(nodes_.size());
  }

  Code<Real> run() {
    place_arguments();
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      for (int const operand : nodes_[i].operands)
        if (operand >= 0) last_use_[static_cast<std::size_t>(operand)] = i;
    emit(true);
    code_.n_uniform_operations = code_.n_operations;
    emit(false);
    code_.result = place_.back();
    return code_;
  }

 private:
  using Kind = ExpressionNode::Kind;

  void place_arguments() {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i].kind == Kind::constant) {
        if (code_.n_constants == Code<Real>::max_uniforms)
          too_large("constants", Code<Real>::max_uniforms);
        place_[i] = {Place::uniform, static_cast<std::uint8_t>(code_.n_constants)};
        code_.constants[code_.n_constants++] = static_cast<Real>(nodes_[i].constant);
      }
    code_.n_uniforms = code_.n_constants + code_.n_scalars;
    if (code_.n_uniforms > Code<Real>::max_uniforms)
      too_large("constants and scalars", Code<Real>::max_uniforms);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].kind != Kind::argument) continue;
      int const position = nodes_[i].code;
      place_[i] =
          position < code_.n_vectors
              ? Operand{Place::vector, static_cast<std::uint8_t>(position)}
              : Operand{Place::uniform,
                        static_cast<std::uint8_t>(code_.n_constants + position - code_.n_vectors)};
    }
  }

  bool uniform(int node) const {
    return node < 0 || place_[static_cast<std::size_t>(node)].place == Place::uniform;
  }

  /// The operations on uniform operands alone, or all others.
  void emit(bool uniform_ones) {
    std::vector<std::uint8_t> free;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      auto const& node = nodes_[i];
      if (node.kind != Kind::function) continue;
      if (uniform_ones ? !(uniform(node.operands[0]) && uniform(node.operands[1]))
                       : place_[i].place == Place::uniform)
        continue;
      if (code_.n_operations == Code<Real>::max_operations)
        too_large("operations", Code<Real>::max_operations);
      Operation op;
      op.function = static_cast<std::uint8_t>(node.code);
      op.a = place_[static_cast<std::size_t>(node.operands[0])];
      if (node.operands[1] >= 0) op.b = place_[static_cast<std::size_t>(node.operands[1])];
      if (uniform_ones) {
        if (code_.n_uniforms == Code<Real>::max_uniforms)
          too_large("constants and scalars", Code<Real>::max_uniforms);
        op.out = static_cast<std::uint8_t>(code_.n_uniforms++);
        place_[i] = {Place::uniform, op.out};
      } else {
        release(node, i, free);
        op.out = take(free);
        place_[i] = {Place::block, op.out};
      }
      code_.operations[code_.n_operations++] = op;
    }
  }

  /// Registers of operands that nothing reads later may hold the result: loops go lane by lane.
  void release(ExpressionNode const& node, std::size_t now, std::vector<std::uint8_t>& free) {
    for (std::size_t k = 0; k < 2; ++k) {
      int const operand = node.operands[k];
      if (operand < 0 || (k == 1 && operand == node.operands[0])) continue;
      auto const i = static_cast<std::size_t>(operand);
      if (place_[i].place == Place::block && last_use_[i] == now) free.push_back(place_[i].index);
    }
  }

  std::uint8_t take(std::vector<std::uint8_t>& free) {
    if (!free.empty()) {
      auto const index = free.back();
      free.pop_back();
      return index;
    }
    if (code_.n_registers == Code<Real>::max_registers)
      too_large("intermediate values", Code<Real>::max_registers);
    return static_cast<std::uint8_t>(code_.n_registers++);
  }

  std::span<ExpressionNode const> nodes_;
  std::vector<Operand> place_;  // of nodes; those not yet placed count as blocks
  std::vector<std::size_t> last_use_;
  Code<Real> code_;
};

}  // namespace

template <class Real>
Code<Real> compile(Expression const& psi, int n_vectors, int n_scalars) {
  return Compiler<Real>(psi, n_vectors, n_scalars).run();
}

template Code<double> compile<double>(Expression const&, int, int);
template Code<float> compile<float>(Expression const&, int, int);

}  // namespace widelimit::program
