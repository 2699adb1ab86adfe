/// \file
/// All stages of a network with positions, run for one pack of pairs.
#pragma once

#include "widelimit/kernels/positional/plane_operations.hpp"
#include "widelimit/kernels/positional/sandwich.hpp"

namespace widelimit::kernels {

template <class Real>
struct PairProgram {
  static constexpr int lanes = pack_lanes<Real>;

  PlaneOp<Real> const* ops;
  SandwichOp const* sandwiches;
  PairTensor const* tensors;
  StageRange const* stages;
  int n_tensors, n_stages;
  int const* integers;
  Real const* numbers;
  int n_planes;
  Margin margin;
  Index plane_cells, tensor_cells, sum_cells;
  int output;         ///< tensor of the result, one cell
  Index output_slot;  ///< q/2 of the result

  /// Cells of memory that a task needs.
  KOKKOS_FORCEINLINE_FUNCTION Index task_cells() const {
    return tensor_cells + 2 * plane_cells * n_planes + sum_cells + Index{3} * n_pack_blocks;
  }

  KOKKOS_FORCEINLINE_FUNCTION TaskMemory<Real> memory(Real* task) const {
    Real* const planes = task + tensor_cells * lanes;
    Real* const sums = planes + 2 * plane_cells * n_planes * lanes;
    return {task, planes, sums, sums + sum_cells * lanes};
  }

  /// Zeroes the tensors that are summed into.
  template <class Member>
  KOKKOS_FUNCTION void clear(Member const& team, TaskMemory<Real> const& memory) const {
    for (int i = 0; i < n_tensors; ++i) {
      if (!tensors[i].sums) continue;
      Real* const first = memory.tensors + tensors[i].offset * lanes;
      for (Index cell = 0; cell < 2 * tensors[i].cells; ++cell) {
        Real* const to = first + cell * lanes;
        for_pack<Real>(team, [=](int k) { to[k] = 0; });
      }
    }
  }

  template <bool self, class Member>
  KOKKOS_FUNCTION void run(Member const& team, PackTables<Real, self> const& tables,
                           TaskMemory<Real> const& memory) const {
    clear(team, memory);
    for (int s = 0; s < n_stages; ++s)
      run_stage(team, tables, memory, stages[s], stages[s].shift_begin, stages[s].shift_end);
  }

  template <bool self, class Member>
  KOKKOS_FUNCTION void run_stage(Member const& team, PackTables<Real, self> const& tables,
                                 TaskMemory<Real> const& memory, StageRange const& stage,
                                 Index shift_begin, Index shift_end) const {
    for (int i = stage.sandwich_begin; i < stage.sandwich_end; ++i)
      Sandwich<Real, self>{sandwiches[i], tables, tensors, memory.tensors, numbers}.run(team);
    for (Index s = shift_begin; s < shift_end; s += 2) {
      PlaneOperations<Real, self> const operations{
          tables,  memory,      tensors, integers,
          numbers, plane_cells, margin,  {integers[s], integers[s + 1]}};
      for (int o = stage.op_begin; o < stage.op_end; ++o) apply(team, operations, ops[o]);
    }
  }

 private:
  template <class Member, class Operations>
  KOKKOS_FUNCTION void apply(Member const& team, Operations const& operations,
                             PlaneOp<Real> const& op) const {
    if (Rectangle(op.out, operations.shift).empty()) return;
    switch (op.kind) {
      case PlaneOpKind::input:
        return operations.input(team, op);
      case PlaneOpKind::load:
        return operations.load(team, op);
      case PlaneOpKind::load_linear:
        return operations.load_linear(team, op);
      case PlaneOpKind::load_kernel:
        return operations.load_kernel(team, op);
      case PlaneOpKind::load_scaled:
        return operations.load_scaled(team, op);
      case PlaneOpKind::taps:
        return operations.taps(team, op);
      case PlaneOpKind::conv:
      case PlaneOpKind::conv_relu:
        return operations.conv(team, op);
      case PlaneOpKind::dual:
      case PlaneOpKind::series:
      case PlaneOpKind::quadrature:
      case PlaneOpKind::kinked:
        return operations.element_wise(team, op);
      case PlaneOpKind::norm:
        return operations.norm(team, op);
      case PlaneOpKind::dropout:
        return operations.dropout(team, op);
      case PlaneOpKind::sum_first:
      case PlaneOpKind::sum_next:
        return operations.sum(team, op);
      case PlaneOpKind::product:
        return operations.product(team, op);
      case PlaneOpKind::mask:
        return operations.mask(team, op);
      case PlaneOpKind::store:
        return operations.store(team, op);
      case PlaneOpKind::scatter:
        return operations.scatter(team, op);
      case PlaneOpKind::add_all:
        return operations.add_all(team, op);
      case PlaneOpKind::add_diagonal:
        if (operations.equal_positions()) operations.add_all(team, op);
        return;
      case PlaneOpKind::add_attention:
        return operations.add_attention(team, op);
    }
  }
};

}  // namespace widelimit::kernels
