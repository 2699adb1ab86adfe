/// \file
/// Operations on blocks of entries: layers, dual activations, Hermite series.
#pragma once

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/correlation.hpp"
#include "widelimit/kernels/spaces.hpp"

namespace widelimit::kernels {

namespace detail {

/// Whether a member has all lanes to itself: a thread of the host, alone or as a team of one.
template <class Member>
inline constexpr bool works_alone = exec_is_host || std::is_same_v<Member, HostMember>;

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
  if constexpr (detail::works_alone<Member>) {
    (void)team;
    detail::simd_loop(n, f);
  } else {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), f);
  }
}

/// Calls f(k) for k = 0 … n-1 as for_each_lane does, and counts for how many it is true. Each
/// member of a team counts its own lanes.
template <class Member, class F>
KOKKOS_FORCEINLINE_FUNCTION int count_lanes(Member const& team, int n, F const& f) {
  if constexpr (detail::works_alone<Member>) {
    (void)team;
    return detail::simd_count(n, f);
  } else {
    int count = 0;
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), [&](int k) { count += f(k) ? 1 : 0; });
    return count;
  }
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

/// Below this 1-|c| is refined where a dual knows how: above, its rounding error moves the angle
/// between the points by no more than a few ε.
template <class Real>
inline constexpr Real coarse_defect = Real(1) / 128;

namespace detail {

/// How many entries of a block need their defect refined; in a team all, where each lane decides for
/// itself.
template <class Member, class Real>
KOKKOS_FORCEINLINE_FUNCTION int count_coarse(Member const&, int n, Real const* e) {
  if constexpr (works_alone<Member>) {
    return simd_count(n, [=](int k) { return e[k] < coarse_defect<Real>; });
  } else {
    return n;
  }
}

// The bodies of the long loops are structs: compilers decline to inline lambdas of their size
// into a function as large as `run`, and what is not inlined stays scalar.

/// A dual activation; `dst` may be `src`, so `work` keeps what Refine needs of the input.
template <class Dual, class Real>
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
template <class Dual, class Real>
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

template <class Member, class Dual, class Real>
KOKKOS_FUNCTION void apply_dual(Member const& team, int n, Dual const& dual, Real gain,
                                Block<Real> src, Block<Real> dst, Block<Real> work, Point<Real> row,
                                Point<Real> col) {
  constexpr bool refines = Apply<Dual, Real>::refines;
  for_each_lane(team, n, Apply<Dual, Real>{dual, gain, src, dst, work, row, col});
  if constexpr (refines) {
    int const count = count_coarse(team, n, dst.e);
    if (count == 0) return;
    Refine<Dual, Real> const refine{dual, work, dst, row, col};
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

/// Θ gains K.
template <class Member, class Real>
KOKKOS_FORCEINLINE_FUNCTION void tangent(Member const& team, int n, Block<Real> src,
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

/// c' = aa'c + ββ'; 1-c' = aa'(1-c) + ((a-a')² + (β-β')²)/2, as a²+β² = 1.
template <class Member, class Real>
KOKKOS_FORCEINLINE_FUNCTION void affine(Member const& team, int n, Block<Real> src, Block<Real> dst,
                                        Point<Real> row, Point<Real> col) {
  Real const a_row = row[0], b_row = row[1];
  for_each_lane(team, n, [=](int k) {
    Entry<Real> const x = src.load(k);
    Real const a_col = col.data[k], b_col = col.data[col.stride + k];
    Real const aa = a_row * a_col;
    Real const c = aa * x.c + b_row * b_col;
    Real const one_minus = aa * x.one_minus() + (square(a_row - a_col) + square(b_row - b_col)) / 2;
    Real const one_plus = aa * x.one_plus() + (square(a_row - a_col) + square(b_row + b_col)) / 2;
    dst.store(k, {c, c >= 0 ? one_minus : one_plus, aa * x.t + c});
  });
}

/// c' = Σ w w' c, 1-c' = Σ (w w'(1-c) + (w-w')²/2), as Σ w² = 1.
template <class Member, class Real>
KOKKOS_FORCEINLINE_FUNCTION void add_branch(Member const& team, int n, Block<Real> src,
                                            Block<Real> dst, Point<Real> row, Point<Real> col,
                                            bool first) {
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

/// With s the sign of c' and σ_k that of s·c^k, a sum of terms that are small where 1-|c'| is:
/// 1-|c'| = Σ (ĥ_k - σ_k ĥ'_k)²/2 + e·Σ_j |c|^j Σ_{k>j} σ_k ĥ_k ĥ'_k.
template <class Member, class Real>
KOKKOS_FUNCTION void refine_series(Member const& team, int n, int terms, Block<Real> src,
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

/// Horner's rule for Σ ĥ_k ĥ'_k c^k and its derivative, one term at a time over the whole block.
/// Coefficients of a point: r, then ĥ_0, ĥ_1, …
template <class Member, class Real>
KOKKOS_FUNCTION void series(Member const& team, int n, int terms, Block<Real> src, Block<Real> dst,
                            Block<Real> work, Block<Real> more, Point<Real> row, Point<Real> col) {
  Real const top_row = row[terms];
  Real const* const top_col = col.data + terms * col.stride;
  for_each_lane(team, n, [=](int k) {
    work.c[k] = top_row * top_col[k];
    work.t[k] = 0;
  });
  for (int m = terms - 2; m >= 0; --m) {
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
  if (count_coarse(team, n, work.e) > 0) refine_series(team, n, terms, src, work, more, row, col);
  for_each_lane(team, n, [=](int k) { dst.store(k, work.load(k)); });
}

}  // namespace detail

}  // namespace widelimit::kernels
