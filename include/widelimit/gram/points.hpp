/// \file
/// Data points made ready for Gram tiles: unit rows, scales, and the coefficients that each layer
/// needs per point.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <Kokkos_Core.hpp>

#include "widelimit/gram/bound_positions.hpp"
#include "widelimit/gram/plan.hpp"
#include "widelimit/kernels/entry_program.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::gram {

/// Largest side of a part of a Gram matrix that one thread works on: its entries stay in a core's
/// second-level cache (2 MiB), beside the packed inputs, from where they are made to where they are
/// used.
template <class Real>
inline constexpr Index part_side = sizeof(Real) == 4 ? 512 : 384;

/// The same of a part that is made where it is used: a GPU works on it with all its threads.
template <class Real>
inline constexpr Index made_side = kernels::exec_is_host ? part_side<Real> : 4096;

/// Adjacency matrices T x T, [tail][head]: one for each point, or one that all share.
template <class Real>
struct Pattern {
  std::vector<Real> values;
  bool shared = false;
};

/// What belongs to the positions of a data set.
template <class Real>
struct PositionData {
  std::vector<Index> lengths;  ///< of sequences of unequal length, one a point; or empty
  std::map<std::string, Pattern<Real>> patterns;  ///< by name
};

/// A data set after input scaling, with what the layers of one network need of it.
template <class Real>
struct Points {
  using Matrix = Kokkos::View<Real**, Kokkos::LayoutRight, Exec>;
  using Vector = Kokkos::View<Real*, Exec>;

  Index n = 0;
  Index d = 0;
  Matrix unit_rows;                             ///< n x d, each row of norm 1 (zero rows stay zero)
  typename Matrix::host_mirror_type host_rows;  ///< the same for the host
  std::vector<double>
      scale_in;  ///< |x|/√d, so that K_input(x,x') = scale·scale'·(unit row · unit row')
  Matrix coefficients;           ///< n_coefficients x n, see EntryProgram
  Vector scale_out;              ///< √K(x,x) of the whole network
  Vector nngp_diagonal;          ///< K(x,x)
  Vector ntk_diagonal;           ///< Θ(x,x)
  PositionData<Real> positions;  ///< filled by the caller before `bind`, where data have it
};

/// Normalises rows. Overflow and underflow are avoided for norms of 1e±150 (double).
/// \param inputs  n x d, row-major; finite
template <class Real>
Points<Real> prepare_points(std::vector<Real> const& inputs, Index n, Index d);

/// The operations of a network on entries, with the tables that they share.
template <class Real>
struct BoundProgram {
  Kokkos::View<kernels::Op<Real>*, Exec> ops;
  typename Points<Real>::Vector tables;
  int n_registers = 1;
  int output = 0;
  bool initial_tangent = false;  ///< see EntryProgram
  /// Nonempty when `numerical: {points: auto}` could not reach its tolerance: says what was
  /// reached.
  std::string accuracy_note;
  /// Networks and data with positions: this instead of operations on entries.
  std::shared_ptr<BoundPositions<Real> const> positions;

  kernels::EntryProgram<Real> view() const {
    return {ops.data(),   static_cast<int>(ops.extent(0)), n_registers, output, initial_tangent,
            tables.data()};
  }
};

/// Relative tolerance of `numerical: {points: auto}`.
template <class Real>
inline constexpr double series_tolerance = sizeof(Real) == 8 ? 1e-13 : 1e-7;

/// Runs the plan on the scales of all the data sets, fills their coefficient tables and diagonals,
/// and returns the matching operations. Sets that meet in one Gram matrix must be bound together,
/// since the length of a Hermite series depends on the largest scale. Host work O(n · layers),
/// local; throws InputError where a kernel is infinite.
template <class Real>
BoundProgram<Real> bind(Plan const& plan, std::vector<Points<Real>*> const& sets);

}  // namespace widelimit::gram
