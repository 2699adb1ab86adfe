/// \file
/// A network compiled to a flat list of operations on correlation entries, run on one block of a
/// row of a tile.
///
/// The operations run one after the other over a block of entries that stays in cache (scratch
/// memory on a GPU); within an operation the loop over entries is vectorised. Registers hold a
/// block of entries each.
#pragma once

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/correlation.hpp"
#include "widelimit/kernels/dual_union.hpp"
#include "widelimit/kernels/kinked.hpp"
#include "widelimit/kernels/numerical_functions.hpp"

namespace widelimit::kernels {

enum class OpKind {
  affine,      ///< dense with bias: branch of weight a and a constant of weight β; Θ gains K
  tangent,     ///< dense without bias: Θ gains K
  dual,        ///< element-wise function of DualUnion; with `number` = 1 Θ gains K as well
  series,      ///< element-wise function by its Hermite series
  quadrature,  ///< element-wise function by a Gauss–Hermite product rule
  kinked,      ///< elu or selu by a rule over the angle, see kinked.hpp
  sum_first,   ///< begins Σ w w' (branch): register dst = weighted src, its defect held as 1-c
  sum_next,    ///< adds a weighted branch
  sum_end,     ///< turns 1-c back to 1-|c|
  product,     ///< dst = dst·src
  dropout      ///< independent masks: c and Θ̂ times the keep probability
};

template <class Real>
struct Op {
  OpKind kind;
  int dst, src;
  Index coefficients;  ///< first row of this operation in the points' coefficient tables
  int n_terms;         ///< series: terms; quadrature: points per axis; kinked: points
  Real number;         ///< dropout: keep probability; dual: see OpKind
  network::NumericalFunction fn;
  Index table;  ///< quadrature, kinked: where the nodes (then weights) begin in `tables`
  DualUnion<Real> dual;
};

namespace detail {

// On their own, because GCC before 12 moves a pragma out of the arguments of KOKKOS_IF_ON_HOST.

template <class F>
KOKKOS_FORCEINLINE_FUNCTION void simd_loop(int n, F const& f) {
#pragma omp simd
  for (int k = 0; k < n; ++k) f(k);
}

template <class F>
KOKKOS_FORCEINLINE_FUNCTION int simd_count(int n, F const& f) {
  int count = 0;
#pragma omp simd reduction(+ : count)
  for (int k = 0; k < n; ++k) count += f(k) ? 1 : 0;
  return count;
}

}  // namespace detail

/// Calls f(k) for k = 0 … n-1: a SIMD loop on the host, over the team's lanes on a device. An entry
/// is always handled by the same lane, so that no barrier is needed between operations.
template <class Member, class F>
KOKKOS_FORCEINLINE_FUNCTION void for_each_lane(Member const& team, int n, F const& f) {
  KOKKOS_IF_ON_DEVICE((Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), f);))
  KOKKOS_IF_ON_HOST(((void)team; detail::simd_loop(n, f);))
}

/// Calls f(k) for k = 0 … n-1 as for_each_lane does, and counts for how many it is true.
template <class Member, class F>
KOKKOS_FORCEINLINE_FUNCTION int count_lanes(Member const& team, int n, F const& f) {
  int count = 0;
  KOKKOS_IF_ON_DEVICE((
      Kokkos::parallel_reduce(
          Kokkos::TeamVectorRange(team, n), [&](int k, int& sum) { sum += f(k) ? 1 : 0; }, count);))
  KOKKOS_IF_ON_HOST(((void)team; count = detail::simd_count(n, f);))
  return count;
}

/// One block of entries: three arrays.
template <class Real>
struct Block {
  Real *c, *e, *t;
  KOKKOS_FORCEINLINE_FUNCTION Entry<Real> load(int k) const { return {c[k], e[k], t[k]}; }
  KOKKOS_FORCEINLINE_FUNCTION void store(int k, Entry<Real> const& x) const {
    c[k] = x.c;
    e[k] = x.e;
    t[k] = x.t;
  }
};

/// Blocks of scratch beside the registers.
inline constexpr int n_work_blocks = 2;

/// Below this 1-|c| is refined where a dual knows how: above, its rounding error moves the angle
/// between the points by no more than a few ε.
template <class Real>
inline constexpr Real coarse_defect = Real(1) / 128;

template <class Real>
struct EntryProgram {
  Op<Real> const* ops;
  int n_ops;
  int n_registers;
  int output;
  bool initial_tangent;  ///< Θ = K at the start: a first dense layer without bias
  Real const* tables;

  /// Runs all operations on `n` entries of one row. Register 0 holds the inputs' correlations.
  /// \param registers  scratch: n_registers + n_work_blocks blocks of `width` entries
  /// \param row, col   coefficient tables of the row's point and of the first column's point
  template <class Member>
  KOKKOS_FUNCTION void run(Member const& team, int n, Real* registers, int width, Point<Real> row,
                           Point<Real> col) const {
    for (int o = 0; o < n_ops; ++o) {
      Op<Real> const& op = ops[o];
      Block<Real> const src = block(registers, width, op.src);
      Block<Real> const dst = block(registers, width, op.dst);
      Point<Real> const at_row{row.data + op.coefficients * row.stride, row.stride};
      Point<Real> const at_col{col.data + op.coefficients * col.stride, col.stride};
      switch (op.kind) {
        case OpKind::dual:
          op.dual.visit([&](auto const& dual) {
            apply_dual(team, n, dual, op.number, src, dst, block(registers, width, n_registers),
                       at_row, at_col);
          });
          break;
        case OpKind::tangent:
          tangent(team, n, src, dst);
          break;
        case OpKind::affine:
          affine(team, n, src, dst, at_row, at_col);
          break;
        case OpKind::sum_first:
        case OpKind::sum_next:
          add_branch(team, n, src, dst, at_row, at_col, op.kind == OpKind::sum_first);
          break;
        case OpKind::sum_end:
          for_each_lane(team, n, [=](int k) {
            Real const c = dst.c[k], one_minus = dst.e[k];
            Real const e = c >= 0 ? one_minus : 1 + c;
            dst.e[k] = e > 0 ? e : Real(0);
          });
          break;
        case OpKind::product:
          for_each_lane(team, n, [=](int k) {
            Entry<Real> const x = src.load(k), y = dst.load(k);
            dst.store(k, {x.c * y.c, x.e + y.e - x.e * y.e, x.t * y.c + x.c * y.t});
          });
          break;
        case OpKind::dropout: {
          Real const keep = op.number;
          for_each_lane(team, n, [=](int k) {
            Entry<Real> const x = src.load(k);
            dst.store(k, {keep * x.c, (1 - keep) + keep * x.e, keep * x.t});
          });
          break;
        }
        case OpKind::series:
          series(team, n, op.n_terms, src, dst, block(registers, width, n_registers),
                 block(registers, width, n_registers + 1), at_row, at_col);
          break;
        case OpKind::kinked:
          kinked(team, n, op, src, dst, block(registers, width, n_registers), at_row, at_col);
          break;
        case OpKind::quadrature:
          quadrature(team, n, op, src, dst, block(registers, width, n_registers), at_row, at_col);
          break;
      }
    }
  }

  KOKKOS_FORCEINLINE_FUNCTION static Block<Real> block(Real* registers, int width, int index) {
    Real* const first = registers + Index{3} * width * index;
    return {first, first + width, first + 2 * width};
  }

 private:
  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION static void tangent(Member const& team, int n, Block<Real> src,
                                                  Block<Real> dst) {
    if (dst.c == src.c) {
      for_each_lane(team, n, [=](int k) { dst.t[k] += dst.c[k]; });
      return;
    }
    for_each_lane(team, n, [=](int k) {
      Entry<Real> x = src.load(k);
      x.t += x.c;
      dst.store(k, x);
    });
  }

  /// How many entries of a block need their defect refined; on a device all, where each lane
  /// decides for itself.
  KOKKOS_FORCEINLINE_FUNCTION static int count_coarse(int n, Real const* e) {
    KOKKOS_IF_ON_HOST(
        (int count = 0; _Pragma("omp simd reduction(+ : count)") for (int k = 0; k < n; ++k) {
          count += e[k] < coarse_defect<Real> ? 1 : 0;
        } return count;))
    KOKKOS_IF_ON_DEVICE(((void)e; return n;))
  }

  // The bodies of the long loops are structs: compilers decline to inline lambdas of their size
  // into a function as large as `run`, and what is not inlined stays scalar.

  /// A dual activation; `dst` may be `src`, so `work` keeps what Refine needs of the input.
  template <class Dual>
  struct Apply {
    static constexpr bool refines = requires(Dual f, Entry<Real> x, Point<Real> p) {
      f.refined_defect(x, x, p, p);
    };
    Dual f;
    Real gain;
    Block<Real> src, dst, work;
    Point<Real> row, col;

    KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const {
      Entry<Real> const in = src.load(k);
      Entry<Real> out = f(in, row, {col.data + k, col.stride});
      out.t += gain * out.c;
      if constexpr (refines) {
        work.c[k] = in.c;
        work.e[k] = in.e;
      }
      dst.store(k, out);
    }
  };

  /// Refines the defect of an entry of `dst`, if it is coarse, from its input (kept in `in`).
  template <class Dual>
  struct Refine {
    Dual f;
    Block<Real> in, dst;
    Point<Real> row, col;

    KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const {
      // Numbers before structs: a conditional use of a member keeps its load, and the loop, scalar.
      Real const c_in = in.c[k], e_in = in.e[k], c_out = dst.c[k], e_out = dst.e[k];
      Entry<Real> const before{c_in, e_in, 0}, after{c_out, e_out, 0};
      Real const e = f.refined_defect(before, after, row, {col.data + k, col.stride});
      Real const inside = e > 0 ? e : Real(0);
      dst.e[k] = select(e_out < coarse_defect<Real>, inside, e_out);
    }
  };

  template <class Member, class Dual>
  KOKKOS_FUNCTION static void apply_dual(Member const& team, int n, Dual const& dual, Real gain,
                                         Block<Real> src, Block<Real> dst, Block<Real> work,
                                         Point<Real> row, Point<Real> col) {
    constexpr bool refines = Apply<Dual>::refines;
    for_each_lane(team, n, Apply<Dual>{dual, gain, src, dst, work, row, col});
    if constexpr (refines) {
      int const count = count_coarse(n, dst.e);
      if (count == 0) return;
      Refine<Dual> const refine{dual, work, dst, row, col};
      // A few one by one, as every row of a Gram matrix meets itself; many all at once.
      if (count * 16 < n) {
        for (int k = 0; k < n; ++k) {
          if (dst.e[k] < coarse_defect<Real>) refine(k);
        }
      } else {
        for_each_lane(team, n, refine);
      }
    }
  }

  /// c' = aa'c + ββ'; 1-c' = aa'(1-c) + ((a-a')² + (β-β')²)/2, as a²+β² = 1.
  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION static void affine(Member const& team, int n, Block<Real> src,
                                                 Block<Real> dst, Point<Real> row,
                                                 Point<Real> col) {
    Real const a_row = row[0], b_row = row[1];
    for_each_lane(team, n, [=](int k) {
      Entry<Real> const x = src.load(k);
      Real const a_col = col.data[k], b_col = col.data[col.stride + k];
      Real const aa = a_row * a_col;
      Real const c = aa * x.c + b_row * b_col;
      Real const one_minus =
          aa * x.one_minus() + (square(a_row - a_col) + square(b_row - b_col)) / 2;
      Real const one_plus = aa * x.one_plus() + (square(a_row - a_col) + square(b_row + b_col)) / 2;
      dst.store(k, {c, c >= 0 ? one_minus : one_plus, aa * x.t + c});
    });
  }

  /// c' = Σ w w' c, 1-c' = Σ (w w'(1-c) + (w-w')²/2), as Σ w² = 1.
  template <class Member>
  KOKKOS_FORCEINLINE_FUNCTION static void add_branch(Member const& team, int n, Block<Real> src,
                                                     Block<Real> dst, Point<Real> row,
                                                     Point<Real> col, bool first) {
    Real const w_row = row[0];
    Real const keep = first ? 0 : 1;
    for_each_lane(team, n, [=](int k) {
      Entry<Real> const x = src.load(k);
      // The first branch may overwrite what dst held, which must not reach the sum even as NaN
      // times 0.
      Entry<Real> const sum = keep > 0 ? dst.load(k) : Entry<Real>{0, 0, 0};
      Real const w_col = col.data[k];
      Real const ww = w_row * w_col;
      dst.store(k, {sum.c + ww * x.c, sum.e + ww * x.one_minus() + square(w_row - w_col) / 2,
                    sum.t + ww * x.t});
    });
  }

  /// Horner's rule for Σ ĥ_k ĥ'_k c^k and its derivative, one term at a time over the whole block.
  /// Coefficients of a point: r, then ĥ_0, ĥ_1, …
  template <class Member>
  KOKKOS_FUNCTION static void series(Member const& team, int n, int terms, Block<Real> src,
                                     Block<Real> dst, Block<Real> work, Block<Real> more,
                                     Point<Real> row, Point<Real> col) {
    for_each_lane(team, n, [=](int k) {
      work.c[k] = 0;
      work.t[k] = 0;
    });
    for (int m = terms - 1; m >= 0; --m) {
      Real const h_row = row[1 + m];
      Real const* const h_col = col.data + (1 + m) * col.stride;
      for_each_lane(team, n, [=](int k) {
        Real const c = src.c[k], value = work.c[k];
        work.t[k] = work.t[k] * c + value;
        work.c[k] = value * c + h_row * h_col[k];
      });
    }
    for_each_lane(team, n, [=](int k) {
      Entry<Real> const in = src.load(k);
      Entry<Real> const out =
          entry_of(work.c[k], in.t * work.t[k], same_point(in, row, {col.data + k, col.stride}));
      work.c[k] = out.c;
      work.e[k] = out.e;
      work.t[k] = out.t;
    });
    if (count_coarse(n, work.e) > 0) refine_series(team, n, terms, src, work, more, row, col);
    for_each_lane(team, n, [=](int k) { dst.store(k, work.load(k)); });
  }

  /// With s the sign of c' and σ_k that of s·c^k, a sum of terms that are small where 1-|c'| is:
  /// 1-|c'| = Σ (ĥ_k - σ_k ĥ'_k)²/2 + e·Σ_j |c|^j Σ_{k>j} σ_k ĥ_k ĥ'_k.
  template <class Member>
  KOKKOS_FUNCTION static void refine_series(Member const& team, int n, int terms, Block<Real> src,
                                            Block<Real> out, Block<Real> work, Point<Real> row,
                                            Point<Real> col) {
    Real* const sum = work.c;
    Real* const apart = work.e;
    Real* const turned = work.t;
    for_each_lane(team, n, [=](int k) { sum[k] = apart[k] = turned[k] = 0; });
    for (int m = terms - 1; m >= 0; --m) {
      Real const h_row = row[1 + m];
      Real const* const h_col = col.data + (1 + m) * col.stride;
      bool const odd = m % 2 == 1;
      for_each_lane(team, n, [=](int k) {
        bool const flipped = (out.c[k] < 0) != (odd && src.c[k] < 0);
        Real const h = flipped ? -h_col[k] : h_col[k];
        Real const x = Kokkos::fabs(src.c[k]);
        apart[k] += square(h_row - h);
        turned[k] = turned[k] * x + sum[k];
        sum[k] += h_row * h;
      });
    }
    for_each_lane(team, n, [=](int k) {
      Real const e = apart[k] / 2 + turned[k] * src.e[k];
      Real const inside = e > 0 ? e : Real(0);
      out.e[k] = select(out.e[k] < coarse_defect<Real>, inside, out.e[k]);
    });
  }

  /// One node of a product rule, added to the sums that `work` holds in c and t.
  template <network::NumericalFunction fn>
  struct AddNode {
    Block<Real> src, work;
    Real const* r_col;  ///< r'√2
    Real node, other;   ///< v = r'√2·(c·node + √(1-c²)·other)
    Real weight, slope_weight;

    KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const {
      auto const at_v = evaluate<fn>(r_col[k] * (src.c[k] * node + work.e[k] * other));
      work.c[k] += weight * at_v.value;
      work.t[k] += slope_weight * at_v.slope;
    }
  };

  /// Product rule: u = r√2·x_a, v = r'√2·(c x_a + √(1-c²) x_b), node by node over the whole block.
  /// Coefficients of a point: r√2, 1/r_new, then φ(u_a) and φ'(u_a) for all a; nodes and weights
  /// (over √π) stand in `tables`.
  template <class Member>
  KOKKOS_FUNCTION void quadrature(Member const& team, int n, Op<Real> const& op, Block<Real> src,
                                  Block<Real> dst, Block<Real> work, Point<Real> row,
                                  Point<Real> col) const {
    Real const* const nodes = tables + op.table;
    int const points = op.n_terms;
    Real const* const weights = nodes + points;
    for_each_lane(team, n, [=](int k) {
      Real const e = src.e[k];
      work.c[k] = work.t[k] = 0;
      work.e[k] = Kokkos::sqrt(e * (2 - e));
    });
    with_function(op.fn, [&](auto fn) {
      for (int a = 0; a < points; ++a) {
        Real const of_row = weights[a] * row[2 + a];
        Real const slope_of_row = weights[a] * row[2 + points + a];
        for (int b = 0; b < points; ++b) {
          for_each_lane(team, n,
                        AddNode<fn.value>{src, work, col.data, nodes[a], nodes[b],
                                          weights[b] * of_row, weights[b] * slope_of_row});
        }
      }
    });
    Real const r_row = row[0], weight_row = row[1];
    for_each_lane(team, n, [=](int k) {
      Entry<Real> const in = src.load(k);
      Point<Real> const at{col.data + k, col.stride};
      Real const weight = weight_row * at[1];
      // r√2·r'√2 = 2rr'
      dst.store(k, entry_of(weight * work.c[k], in.t * weight * r_row * at[0] / 2 * work.t[k],
                            same_point(in, row, at)));
    });
  }

  /// One node of the rule for elu and selu, added to the sums that `work` holds in c and t; the
  /// angles stand in its e.
  struct AddKinkedNode {
    Block<Real> src, work;
    Real const* r_col;
    Real alpha, node, weight, r;

    KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const {
      Real const theta = work.e[k];
      auto const at = kinked_node(alpha, node, weight, r, r_col[k], theta, pi<Real> - theta);
      work.c[k] += at.value;
      work.t[k] += at.slope;
    }
  };

  /// Coefficients of a point: r, 1/r_new; nodes and weights stand in `tables`.
  template <class Member>
  KOKKOS_FUNCTION void kinked(Member const& team, int n, Op<Real> const& op, Block<Real> src,
                              Block<Real> dst, Block<Real> work, Point<Real> row,
                              Point<Real> col) const {
    Real const* const nodes = tables + op.table;
    Real const* const weights = nodes + op.n_terms;
    KinkedFunction<Real> const f(op.fn);
    for_each_lane(team, n, [=](int k) {
      work.c[k] = work.t[k] = 0;
      work.e[k] = Angle<Real>(src.load(k)).theta;
    });
    for (int a = 0; a < op.n_terms; ++a) {
      for_each_lane(team, n,
                    AddKinkedNode{src, work, col.data, f.alpha, nodes[a], weights[a], row[0]});
    }
    for_each_lane(team, n, [=](int k) {
      Entry<Real> const in = src.load(k);
      Point<Real> const at{col.data + k, col.stride};
      Angle<Real> const angle(in);
      auto const kernel = kinked_kernel(f.scale, {work.c[k], work.t[k]}, in.c, row[0], at[0],
                                        angle.theta, angle.rest);
      Real const weight = row[1] * at[1];
      dst.store(k, entry_of(weight * kernel.value, in.t * weight * row[0] * at[0] * kernel.slope,
                            same_point(in, row, at)));
    });
  }
};

}  // namespace widelimit::kernels
