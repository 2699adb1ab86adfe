/// \file
/// What the operations of a stage do to one plane.
#pragma once

#include "widelimit/kernels/positional/element_wise.hpp"

namespace widelimit::kernels {

/// One task's memory, in cells of a vector over the pack.
template <class Real>
struct TaskMemory {
  Real* tensors;
  Real* planes;
  Real* sums;    ///< see box_sums
  Real* blocks;  ///< n_pack_blocks
};

/// The operations on the plane of one shift.
template <class Real, bool self>
struct PlaneOperations {
  static constexpr int lanes = pack_lanes<Real>;

  PackTables<Real, self> tables;
  TaskMemory<Real> memory;
  PairTensor const* tensors;
  int const* integers;
  Real const* numbers;
  Index plane_cells;
  Margin margin;
  Shift shift;

  KOKKOS_FORCEINLINE_FUNCTION Plane<Real> plane(int index, Grid grid) const {
    Rectangle const box(grid, shift);
    int const pitch = box.width + margin.left + margin.right;
    Real* const d =
        memory.planes + (2 * plane_cells * index + Index{margin.top} * pitch + margin.left) * lanes;
    return {d, d + plane_cells * lanes, box.y, box.x, pitch};
  }

  KOKKOS_FORCEINLINE_FUNCTION bool equal_positions() const { return shift.y == 0 && shift.x == 0; }

  /// A plane of a tensor, as if it had no margin.
  KOKKOS_FORCEINLINE_FUNCTION Real* tensor_cells(PairTensor const& tensor) const {
    return memory.tensors + tensor.offset * lanes;
  }

  /// Place of a pair of positions in a tensor, in numbers; negative where it is not kept.
  KOKKOS_FORCEINLINE_FUNCTION Index tensor_cell(PairTensor const& tensor, int p, int q) const {
    if (tensor.dense) return (Index{p} * tensor.grid.count() + q) * lanes;
    int const width = tensor.grid.width;
    int const py = p / width, px = p % width;
    Shift const s{q / width - py, q % width - px};
    Index const base = integers[tensor.place(s)];
    if (base < 0) return -1;
    Rectangle const box(tensor.grid, s);
    return (base + Index{py - box.y} * box.width + (px - box.x)) * lanes;
  }

  /// Calls f(cell of the plane, D and Θ of the tensor there) for all positions.
  template <class F>
  KOKKOS_FORCEINLINE_FUNCTION void along(PairTensor const& tensor, F const& f) const {
    Real* const d = tensor_cells(tensor);
    Real* const t = d + tensor.cells * lanes;
    Index next = tensor.dense ? 0 : Index{integers[tensor.place(shift)]} * lanes;
    for_each_position(tensor.grid, shift, [&](int y, int x, Index p, Index q) {
      Index const at = tensor.dense ? (p * tensor.grid.count() + q) * lanes : next;
      next += lanes;
      f(y, x, p, q, d + at, t + at);
    });
  }

  template <class Member>
  KOKKOS_FUNCTION void input(Member const& team, PlaneOp<Real> const& op) const {
    auto const to = plane(op.dst, op.out);
    int const channels = op.count;
    Real const half = op.scale;
    for_each_position(op.out, shift, [&](int y, int x, Index p, Index q) {
      Real* const d = to.d + to.cell(y, x);
      Real* const t = to.t + to.cell(y, x);
      for_pack<Real>(team, [=](int k) { d[k] = t[k] = 0; });
      for (int c = 0; c < channels; ++c) {
        auto const of_row = tables.of_row(op.slot_in + p * channels + c);
        Real const* const of_col = tables.of_col(op.slot_in + q * channels + c);
        for_pack<Real>(team, [=](int k) { d[k] += half * square(of_row[k] - of_col[k]); });
      }
    });
  }

  template <class Member>
  KOKKOS_FUNCTION void load(Member const& team, PlaneOp<Real> const& op) const {
    auto const to = plane(op.dst, op.out);
    along(tensors[op.tensor],
          [&](int y, int x, Index, Index, Real const* from_d, Real const* from_t) {
            Real* const d = to.d + to.cell(y, x);
            Real* const t = to.t + to.cell(y, x);
            for_pack<Real>(team, [=](int k) {
              d[k] = from_d[k];
              t[k] = from_t[k];
            });
          });
  }

  /// With S = Σ a_p b_q D(p, q) over both sides, A = Σ a_p, m = Σ a_p q_p, W = Σ a_p a_p' D(p, p')/2
  /// (B, n, V of the other side): D' = S - W - V + (A - B)(m - n)/2, which keeps its digits where
  /// images are flat. Slots: W, A, m.
  template <class Member>
  KOKKOS_FUNCTION void load_linear(Member const& team, PlaneOp<Real> const& op) const {
    auto const to = plane(op.dst, op.out);
    Index const positions = op.out.count();
    bool const equal = op.exact && equal_positions();
    Real const* const same = tables.same;
    along(tensors[op.tensor],
          [&](int y, int x, Index p, Index q, Real const* from_d, Real const* from_t) {
            Real* const d = to.d + to.cell(y, x);
            Real* const t = to.t + to.cell(y, x);
            auto const w_row = tables.of_row(op.slot_in + p);
            auto const a_row = tables.of_row(op.slot_in + positions + p);
            auto const m_row = tables.of_row(op.slot_in + 2 * positions + p);
            Real const* const w_col = tables.of_col(op.slot_in + q);
            Real const* const a_col = tables.of_col(op.slot_in + positions + q);
            Real const* const m_col = tables.of_col(op.slot_in + 2 * positions + q);
            for_pack<Real>(team, [=](int k) {
              Real const edge = (a_row[k] - a_col[k]) * (m_row[k] - m_col[k]) / 2;
              Real const out = (from_d[k] - w_row[k] - w_col[k]) + edge;
              d[k] = equal ? out * (1 - same[k]) : out;
              t[k] = from_t[k];
            });
          });
  }

  /// With k = scale·S, S = Σ a_p b_q K(p, q): K' = k + b², Θ' = scale·Σ a_p b_q Θ(p, q) + gain·k
  /// + b² (attention: gain 2). Averages of many positions may be much smaller than their terms,
  /// whence sums of K instead of D. Slots of q/2: slot_out.
  template <class Member>
  KOKKOS_FUNCTION void load_kernel(Member const& team, PlaneOp<Real> const& op) const {
    auto const to = plane(op.dst, op.out);
    bool const equal = op.exact && equal_positions();
    Real const scale = op.scale, gain = op.gain, bias = op.shift;
    Real const* const same = tables.same;
    along(tensors[op.tensor],
          [&](int y, int x, Index p, Index q, Real const* from_d, Real const* from_t) {
            Real* const d = to.d + to.cell(y, x);
            Real* const t = to.t + to.cell(y, x);
            auto const h_row = tables.of_row(op.slot_out + p);
            Real const* const h_col = tables.of_col(op.slot_out + q);
            for_pack<Real>(team, [=](int k) {
              Real const kernel = scale * from_d[k];
              Real const out = (h_row[k] + h_col[k] - bias) - kernel;
              d[k] = equal ? out * (1 - same[k]) : out;
              t[k] = scale * from_t[k] + (gain * kernel + bias);
            });
          });
  }

  /// Covariances with embedded positions, from D and Θ: αK + βR, αΘ + βR.
  struct Embedded {
    Real kernel, tangent;
  };

  /// Attention with square-root scaling: with the sums A and B of add_attention, k = s·A·K̃,
  /// K' = k + b², Θ' = s·(B·K̃ + A·Θ̃) + 4k + b². Slots of q/2: slot_in of the input, slot_out.
  template <class Member>
  KOKKOS_FUNCTION void load_scaled(Member const& team, PlaneOp<Real> const& op) const {
    auto const to = plane(op.dst, op.out);
    Real const* const sum_a = tensor_cells(tensors[op.count]);
    Real const* const sum_b = sum_a + lanes;
    bool const equal = op.exact && equal_positions();
    Index const positions = op.out.count();
    Real const* const same = tables.same;
    Real const scale = op.scale, alpha = op.gain, beta = op.more, bias = op.shift;
    along(tensors[op.tensor], [&](int y, int x, Index p, Index q, Real const* from_d,
                                  Real const* from_t) {
      Real* const d = to.d + to.cell(y, x);
      Real* const t = to.t + to.cell(y, x);
      Real const embedding = beta > 0 ? beta * numbers[op.numbers + p * positions + q] : Real(0);
      auto const in_row = tables.of_row(op.slot_in + p), h_row = tables.of_row(op.slot_out + p);
      Real const* const in_col = tables.of_col(op.slot_in + q);
      Real const* const h_col = tables.of_col(op.slot_out + q);
      for_pack<Real>(team, [=](int k) {
        Real const kernel = alpha * (in_row[k] + in_col[k] - from_d[k]) + embedding;
        Real const tangent = alpha * from_t[k] + embedding;
        Real const value = scale * sum_a[k] * kernel;
        Real const out = h_row[k] + h_col[k] - (value + bias);
        d[k] = equal ? out * (1 - same[k]) : out;
        t[k] = scale * (sum_b[k] * kernel + sum_a[k] * tangent) + 4 * value + bias;
      });
    });
  }

  /// A = Σ K̃V and B = Σ (Θ̃V + K̃Θ_V) over all pairs of positions, of masked sequences (count 1)
  /// those that lie in them: slots slot_out hold 1 or 0.
  template <class Member>
  KOKKOS_FUNCTION void add_attention(Member const& team, PlaneOp<Real> const& op) const {
    auto const from = plane(op.src, op.in);
    Real* const sum_a = tensor_cells(tensors[op.tensor]);
    Real* const sum_b = sum_a + lanes;
    Index const positions = op.in.count();
    bool const embeds = op.only_equal;  // the values see the embedding too
    bool const masked = op.count == 1;
    Real const alpha = op.gain, beta = op.more;
    for_each_position(op.in, shift, [&](int y, int x, Index p, Index q) {
      Real const* const d = from.d + from.cell(y, x);
      Real const* const t = from.t + from.cell(y, x);
      Real const embedding = beta > 0 ? beta * numbers[op.numbers + p * positions + q] : Real(0);
      auto const h_row = tables.of_row(op.slot_in + p);
      Real const* const h_col = tables.of_col(op.slot_in + q);
      auto const m_row = tables.of_row(masked ? op.slot_out + p : op.slot_in + p);
      Real const* const m_col = tables.of_col(masked ? op.slot_out + q : op.slot_in + q);
      for_pack<Real>(team, [=](int k) {
        Real const inside = masked ? m_row[k] * m_col[k] : Real(1);
        Real const plain = h_row[k] + h_col[k] - d[k];
        Real const kernel = alpha * plain + embedding, tangent = alpha * t[k] + embedding;
        Real const value = embeds ? kernel : plain, value_tangent = embeds ? tangent : t[k];
        sum_a[k] += inside * kernel * value;
        sum_b[k] += inside * (tangent * value + kernel * value_tangent);
      });
    });
  }

  /// A convolution by its table of inputs: position p of the output reads integers[table + p·taps
  /// + i], -1 beyond the grid. With `only_equal` different positions have no covariance.
  template <class Member>
  KOKKOS_FUNCTION void taps(Member const& team, PlaneOp<Real> const& op) const {
    auto const to = plane(op.dst, op.out);
    PairTensor const& tensor = tensors[op.tensor];
    Real const* const from = tensor_cells(tensor);
    Real const scale = op.scale;
    bool const independent = op.only_equal && !equal_positions();
    for_each_position(op.out, shift, [&](int y, int x, Index p, Index q) {
      Real* const d = to.d + to.cell(y, x);
      Real* const t = to.t + to.cell(y, x);
      auto const h_row = tables.of_row(op.slot_out + p);
      Real const* const h_col = tables.of_col(op.slot_out + q);
      if (independent) {
        for_pack<Real>(team, [=](int k) {
          d[k] = h_row[k] + h_col[k];
          t[k] = 0;
        });
        return;
      }
      for_pack<Real>(team, [=](int k) { d[k] = t[k] = 0; });
      for (int i = 0; i < op.count; ++i) {
        int const a = integers[op.table + p * op.count + i];
        int const b = integers[op.table + q * op.count + i];
        if (a >= 0 && b >= 0) {
          Real const* const in = from + tensor_cell(tensor, a, b);
          Real const* const in_t = in + tensor.cells * lanes;
          for_pack<Real>(team, [=](int k) {
            d[k] += in[k];
            t[k] += in_t[k];
          });
        } else if (a >= 0) {
          auto const in = tables.of_row(op.slot_in + a);
          for_pack<Real>(team, [=](int k) { d[k] += in[k]; });
        } else if (b >= 0) {
          Real const* const in = tables.of_col(op.slot_in + b);
          for_pack<Real>(team, [=](int k) { d[k] += in[k]; });
        }
      }
      for_pack<Real>(team, [=](int k) {
        Real const out = scale * d[k];
        d[k] = out;
        t[k] = (h_row[k] + h_col[k] - out) + scale * t[k];
      });
    });
  }

  template <class Member>
  KOKKOS_FUNCTION void conv(Member const& team, PlaneOp<Real> const& op) const {
    auto const from = plane(op.src, op.in), to = plane(op.dst, op.out);
    fill_margin(team, from, op.in, shift, op.filter.margin, tables, op.slot_in);
    if (op.kind == PlaneOpKind::conv) {
      filter_plane(team, from, op.filter, op.out, shift, memory.sums,
                   FinishConv<Real, self>{to, tables, op.slot_out, op.scale});
    } else {
      filter_plane(
          team, from, op.filter, op.out, shift, memory.sums,
          FinishConvRelu<Real, self>{to, tables, op.slot_out, op.out.count(), op.scale, op.gain});
    }
  }

  template <class Member>
  KOKKOS_FUNCTION void element_wise(Member const& team, PlaneOp<Real> const& op) const {
    ElementWise<Real, self>{op, tables, plane(op.dst, op.out), shift, numbers, memory.blocks}.run(
        team);
  }

  /// K' = gg'K. Slots: g, then gq.
  template <class Member>
  KOKKOS_FUNCTION void norm(Member const& team, PlaneOp<Real> const& op) const {
    Index const positions = op.out.count();
    map(op, [&](Index p, Index q, Real const* in_d, Real const* in_t, Real* d, Real* t) {
      auto const g_row = tables.of_row(op.slot_out + p);
      auto const gq_row = tables.of_row(op.slot_out + positions + p);
      Real const* const g_col = tables.of_col(op.slot_out + q);
      Real const* const gq_col = tables.of_col(op.slot_out + positions + q);
      for_pack<Real>(team, [=](int k) {
        Real const gg = g_row[k] * g_col[k];
        d[k] = gg * in_d[k] + (g_row[k] - g_col[k]) * (gq_row[k] - gq_col[k]) / 2;
        t[k] = gg * in_t[k];
      });
    });
  }

  /// Independent masks: variances alone grow, by (1/keep - 1), half of which the slots hold; a
  /// point and itself share the mask where the positions are equal.
  template <class Member>
  KOKKOS_FUNCTION void dropout(Member const& team, PlaneOp<Real> const& op) const {
    bool const equal = equal_positions();
    Real const more = op.scale - 1;  // 1/keep - 1
    Real const* const same = tables.same;
    map(op, [&](Index p, Index q, Real const* in_d, Real const* in_t, Real* d, Real* t) {
      auto const of_row = tables.of_row(op.slot_out + p);
      Real const* const of_col = tables.of_col(op.slot_out + q);
      for_pack<Real>(team, [=](int k) {
        Real const shared = equal ? same[k] : Real(0);
        d[k] = in_d[k] + (1 - shared) * (of_row[k] + of_col[k]);
        t[k] = in_t[k] * (1 + shared * more);
      });
    });
  }

  /// dst = scale·src, or dst += scale·src.
  template <class Member>
  KOKKOS_FUNCTION void sum(Member const& team, PlaneOp<Real> const& op) const {
    Real const scale = op.scale, keep = op.kind == PlaneOpKind::sum_first ? 0 : 1;
    map(op, [&](Index, Index, Real const* in_d, Real const* in_t, Real* d, Real* t) {
      if (keep > 0) {
        for_pack<Real>(team, [=](int k) {
          d[k] += scale * in_d[k];
          t[k] += scale * in_t[k];
        });
      } else {
        for_pack<Real>(team, [=](int k) {
          d[k] = scale * in_d[k];
          t[k] = scale * in_t[k];
        });
      }
    });
  }

  /// dst = dst·src as kernels. Slots: q/2 of dst, then of src.
  template <class Member>
  KOKKOS_FUNCTION void product(Member const& team, PlaneOp<Real> const& op) const {
    Index const positions = op.out.count();
    map(op, [&](Index p, Index q, Real const* in_d, Real const* in_t, Real* d, Real* t) {
      auto const a_row = tables.of_row(op.slot_out + p);
      auto const b_row = tables.of_row(op.slot_out + positions + p);
      Real const* const a_col = tables.of_col(op.slot_out + q);
      Real const* const b_col = tables.of_col(op.slot_out + positions + q);
      for_pack<Real>(team, [=](int k) {
        Real const mean_a = a_row[k] + a_col[k], mean_b = b_row[k] + b_col[k];
        Real const d_a = d[k], d_b = in_d[k];
        t[k] = t[k] * (mean_b - d_b) + in_t[k] * (mean_a - d_a);
        d[k] =
            (a_row[k] - a_col[k]) * (b_row[k] - b_col[k]) + (mean_a * d_b + d_a * (mean_b - d_b));
      });
    });
  }

  /// Activations beyond the end of a sequence are zero. Slots: q/2 (0 there), then 1 or 0.
  template <class Member>
  KOKKOS_FUNCTION void mask(Member const& team, PlaneOp<Real> const& op) const {
    Index const positions = op.out.count();
    map(op, [&](Index p, Index q, Real const* in_d, Real const* in_t, Real* d, Real* t) {
      auto const h_row = tables.of_row(op.slot_out + p);
      auto const m_row = tables.of_row(op.slot_out + positions + p);
      Real const* const h_col = tables.of_col(op.slot_out + q);
      Real const* const m_col = tables.of_col(op.slot_out + positions + q);
      for_pack<Real>(team, [=](int k) {
        Real const both = m_row[k] * m_col[k];
        d[k] = both > 0 ? in_d[k] : h_row[k] + h_col[k];
        t[k] = both * in_t[k];
      });
    });
  }

  template <class Member>
  KOKKOS_FUNCTION void store(Member const& team, PlaneOp<Real> const& op) const {
    auto const from = plane(op.src, op.in);
    along(tensors[op.tensor], [&](int y, int x, Index, Index, Real* to_d, Real* to_t) {
      Real const* const d = from.d + from.cell(y, x);
      Real const* const t = from.t + from.cell(y, x);
      for_pack<Real>(team, [=](int k) {
        to_d[k] = d[k];
        to_t[k] = t[k];
      });
    });
  }

  /// Adds a_p·b_q times each pair to the pairs of windows it lies in. Integers: for each position
  /// where its windows begin, then windows; reals: weights.
  template <class Member>
  KOKKOS_FUNCTION void scatter(Member const& team, PlaneOp<Real> const& op) const {
    auto const from = plane(op.src, op.in);
    PairTensor const& tensor = tensors[op.tensor];
    Real* const to = tensor_cells(tensor);
    int const* const begin = integers + op.table;
    int const* const windows = begin + op.in.count() + 1;
    Real const* const weights = numbers + op.numbers;
    for_each_position(op.in, shift, [&](int y, int x, Index p, Index q) {
      Real const* const d = from.d + from.cell(y, x);
      Real const* const t = from.t + from.cell(y, x);
      for (int i = begin[p]; i < begin[p + 1]; ++i) {
        for (int j = begin[q]; j < begin[q + 1]; ++j) {
          Index const at = tensor_cell(tensor, windows[i], windows[j]);
          if (at < 0) continue;
          Real const weight = weights[i] * weights[j];
          Real* const to_d = to + at;
          Real* const to_t = to_d + tensor.cells * lanes;
          add(team, op, p, q, weight, d, t, to_d, to_t);
        }
      }
    });
  }

  /// Adds the whole plane, or with `only_equal` the weighted diagonal, to a tensor of one cell. Rows
  /// are summed on their own first: fewer roundings.
  template <class Member>
  KOKKOS_FUNCTION void add_all(Member const& team, PlaneOp<Real> const& op) const {
    auto const from = plane(op.src, op.in);
    Real* const total_d = tensor_cells(tensors[op.tensor]);
    Real* const total_t = total_d + tensors[op.tensor].cells * lanes;
    auto const row = detail::pack_block(memory.blocks, 0);
    Rectangle const box(op.in, shift);
    for (int y = box.y; y < box.y + box.height; ++y) {
      for_pack<Real>(team, [=](int k) { row.c[k] = row.t[k] = 0; });
      for (int x = box.x; x < box.x + box.width; ++x) {
        Real const weight =
            op.only_equal ? numbers[op.numbers + Index{y} * op.in.width + x] : op.scale;
        Index const p = Index{y} * op.in.width + x;
        Index const q = p + Index{shift.y} * op.in.width + shift.x;
        add(team, op, p, q, weight, from.d + from.cell(y, x), from.t + from.cell(y, x), row.c,
            row.t);
      }
      for_pack<Real>(team, [=](int k) {
        total_d[k] += row.c[k];
        total_t[k] += row.t[k];
      });
    }
  }

 private:
  /// Adds weight·D, or weight·K, and weight·Θ to sums.
  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION void add(Member const& team, PlaneOp<Real> const& op, Index p,
                                       Index q, Real weight, Real const* d, Real const* t,
                                       Real* sum_d, Real* sum_t) const {
    if (op.kernels) {
      auto const h_row = tables.of_row(op.slot_in + p);
      Real const* const h_col = tables.of_col(op.slot_in + q);
      for_pack<Real>(team, [=](int k) {
        sum_d[k] += weight * (h_row[k] + h_col[k] - d[k]);
        sum_t[k] += weight * t[k];
      });
    } else {
      for_pack<Real>(team, [=](int k) {
        sum_d[k] += weight * d[k];
        sum_t[k] += weight * t[k];
      });
    }
  }

  /// Calls f(p, q, D, Θ of src, D, Θ of dst).
  template <class F>
  KOKKOS_FORCEINLINE_FUNCTION void map(PlaneOp<Real> const& op, F const& f) const {
    auto const from = plane(op.src, op.out), to = plane(op.dst, op.out);
    for_each_position(op.out, shift, [&](int y, int x, Index p, Index q) {
      Index const at = to.cell(y, x);
      f(p, q, from.d + at, from.t + at, to.d + at, to.t + at);
    });
  }
};

}  // namespace widelimit::kernels
