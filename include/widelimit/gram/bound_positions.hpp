/// \file
/// A position plan bound to a precision and a network's functions: what device code runs, and how
/// the numbers of points are made.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "widelimit/gram/position_plan.hpp"
#include "widelimit/kernels/positional/pair_program.hpp"

namespace widelimit::gram {

using kernels::Exec, kernels::HostExec;

template <class Real>
struct Points;

/// An element-wise function with what the data decide: the length of its series.
template <class Real>
struct BoundFunction {
  kernels::PlaneOpKind kind = kernels::PlaneOpKind::dual;
  kernels::DualUnion<Real> dual;
  int count = 0;
  network::NumericalFunction fn = network::NumericalFunction::tanh;
  std::vector<double> table;  ///< nodes and weights
  Index n_coefficients = 0;
  std::string note;  ///< accuracy that could not be reached
  /// From scales r: scales of the output, and coefficient m of number i at [m·n + i].
  std::function<void(std::vector<double> const& r, std::vector<double>& out,
                     std::vector<double>& coefficients)>
      fill;
};

/// \param largest_scale  asked where the length of a series depends on it
template <class Real>
BoundFunction<Real> bind_function(network::Activation const& function, std::string const& name,
                                  std::function<double()> const& largest_scale);

/// The arrays of a PairProgram.
template <class Real, class Space>
struct PlaneArrays {
  Kokkos::View<kernels::PlaneOp<Real>*, Space> ops;
  Kokkos::View<kernels::SandwichOp*, Space> sandwiches;
  Kokkos::View<kernels::PairTensor*, Space> tensors;
  Kokkos::View<kernels::StageRange*, Space> ranges;
  Kokkos::View<int*, Space> integers;
  Kokkos::View<Real*, Space> reals;
};

template <class Real>
class BoundPositions {
 public:
  static constexpr int lanes = kernels::pack_lanes<Real>;

  /// Binds to the data; a few of the points decide the length of series. Local. Throws InputError
  /// where a kernel is infinite.
  BoundPositions(std::shared_ptr<PositionPlan const> plan, std::vector<Points<Real>*> const& sets);

  PositionPlan const& plan() const { return *plan_; }
  /// For kernels, and for the host.
  kernels::PairProgram<Real> program() const;
  kernels::PairProgram<Real> host_program() const;
  Index n_slots() const { return n_slots_; }
  std::string const& note() const { return note_; }

  /// Reals of one task's memory.
  Index task_reals() const { return host_program().task_cells() * lanes; }

  /// Fills the slots of `lanes` points, slot s of lane k at table[s·lanes + k]. Beyond the end of
  /// `numbers` lanes repeat its last. `task`: memory of task_reals. Thread-safe. Host work O(slots),
  /// and where variances need them the planes of the points with themselves.
  void fill_tables(Points<Real> const& points, std::vector<Index> const& numbers, Real* table,
                   Real* task) const;

 private:
  double largest_scale(std::vector<Points<Real>*> const& sets, int stage, int op) const;
  void make_arrays();
  template <class Space>
  kernels::PairProgram<Real> program_in(PlaneArrays<Real, Space> const& arrays) const;

  std::shared_ptr<PositionPlan const> plan_;
  std::vector<PlannedStage> stages_;  ///< the plan's, with slots for all functions
  std::vector<std::vector<BoundFunction<Real>>> functions_;  ///< of each op of each stage
  std::vector<double> numbers_;
  Index n_slots_ = 0;
  std::string note_;
  PlaneArrays<Real, HostExec> host_;
  PlaneArrays<Real, Exec> device_;
};

extern template class BoundPositions<float>;
extern template class BoundPositions<double>;

}  // namespace widelimit::gram
