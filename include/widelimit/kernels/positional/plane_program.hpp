/// \file
/// The operations of a network with positions, as plain data for device code.
///
/// A network is cut into *stages* at the layers that mix shifts (pools, strides, attention, …).
/// A stage runs a list of operations for one shift after the other: it makes planes from the inputs
/// or from tensors that earlier stages left, transforms them in cache, and stores them or adds them
/// to pooled tensors.
#pragma once

#include "widelimit/kernels/dual_union.hpp"
#include "widelimit/kernels/positional/box_filter.hpp"

namespace widelimit::kernels {

enum class PlaneOpKind {
  // Sources
  input,        ///< D and Θ = 0 of the raw inputs; slots: x, channels for each position
  load,         ///< a plane of a tensor
  load_linear,  ///< a plane of sums Σ a b D over both sides, made a D of their own
  load_kernel,  ///< a plane of sums Σ a b K over both sides
  load_scaled,  ///< attention with square-root scaling, from its input and two sums over it
  taps,         ///< convolution by a table of positions (strides, circular, transposed)
  // On planes
  conv,
  conv_relu,
  dual,
  series,
  quadrature,
  kinked,
  norm,
  dropout,
  sum_first,
  sum_next,
  product,
  mask,
  // Sinks
  store,
  scatter,       ///< adds to windows of positions on both sides
  add_all,       ///< adds the whole plane to one number
  add_diagonal,  ///< weighted sum of equal positions
  add_attention  ///< two sums of attention with square-root scaling
};

/// Planes of all the shifts that a later stage needs, or (dense) all pairs of positions [p][q].
struct PairTensor {
  Grid grid;
  bool dense = false;
  bool sums = false;  ///< starts from zero
  Index offset = 0;   ///< of its first cell in the memory of a task; D, then Θ `cells` further
  Index cells = 0;
  Index planes = 0;  ///< in the integer table: first cell of each shift's plane, or -1

  /// The place of a shift in the table of planes.
  KOKKOS_FORCEINLINE_FUNCTION Index place(Shift s) const {
    return planes + Index{s.y + grid.height - 1} * (2 * grid.width - 1) + s.x + grid.width - 1;
  }
};

template <class Real>
struct PlaneOp {
  PlaneOpKind kind{};
  int dst = 0, src = 0;  ///< planes
  Grid in, out;
  int tensor = -1;
  bool only_equal = false;  ///< acts on shift 0 alone
  bool exact = false;       ///< sources: sets D = 0 of a point with itself at equal positions
  bool kernels = false;     ///< sums K instead of D; slot_in: q/2
  bool recurrent = false;   ///< an element-wise function inside a recurrence over positions
  BoxFilter filter;
  Index slot_in = 0, slot_out = 0;  ///< of the points' tables
  Index table = 0;                  ///< of the integers
  Index numbers = 0;                ///< of the reals
  int count = 0;                    ///< taps, channels or terms
  Real scale = 1, shift = 0, gain = 0, more = 0;
  network::NumericalFunction fn = network::NumericalFunction::tanh;
  DualUnion<Real> dual;
};

/// Works on whole tensors before the planes of a stage: out = G V Gᵀ, G from the points' tables, for
/// V = αK + βR and V = αΘ + βR. The input's D is overwritten by V.
struct SandwichOp {
  int in = -1, out = -1, work = -1;  ///< tensors, all dense; `work`: out.count x in.count cells
  Index slot = 0;                    ///< G, out.count x in.count
  Index half_variance = 0;           ///< first slot of q/2 of the input
  double alpha = 1, beta = 0;
  Index numbers = 0;  ///< R, in.count x in.count, among the reals, if β is not 0
};

struct StageRange {
  int op_begin, op_end;
  int sandwich_begin, sandwich_end;
  Index shift_begin, shift_end;            ///< pairs (y, x) in the integer table
  Index self_shift_begin, self_shift_end;  ///< those that the variances of later layers need
};

}  // namespace widelimit::kernels
