/// \file
/// Operations on blocks of entries by quadrature, for functions without a closed form.
#pragma once

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/block_operations.hpp"
#include "widelimit/kernels/kinked.hpp"
#include "widelimit/kernels/numerical_functions.hpp"

namespace widelimit::kernels {

namespace detail {

/// `points` nodes, then as many weights.
template <class Real>
struct Rule {
  Real const* nodes;
  int points;
};

/// One node of a product rule, added to the sums that `work` holds in c and t.
template <network::NumericalFunction fn, class Real>
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
template <class Member, class Real>
KOKKOS_FUNCTION void quadrature(Member const& team, int n, network::NumericalFunction function,
                                Rule<Real> rule, Block<Real> src, Block<Real> dst, Block<Real> work,
                                Point<Real> row, Point<Real> col) {
  Real const* const nodes = rule.nodes;
  int const points = rule.points;
  Real const* const weights = nodes + points;
  for_each_lane(team, n, [=](int k) {
    Real const e = src.e[k];
    work.c[k] = work.t[k] = 0;
    work.e[k] = Kokkos::sqrt(e * (2 - e));
  });
  with_function(function, [&](auto fn) {
    for (int a = 0; a < points; ++a) {
      Real const of_row = weights[a] * row[2 + a];
      Real const slope_of_row = weights[a] * row[2 + points + a];
      for (int b = 0; b < points; ++b) {
        for_each_lane(team, n,
                      AddNode<fn.value, Real>{src, work, col.data, nodes[a], nodes[b],
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
template <class Real>
struct AddKinkedNode {
  Block<Real> work;
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
template <class Member, class Real>
KOKKOS_FUNCTION void kinked(Member const& team, int n, network::NumericalFunction function,
                            Rule<Real> rule, Block<Real> src, Block<Real> dst, Block<Real> work,
                            Point<Real> row, Point<Real> col) {
  Real const* const nodes = rule.nodes;
  Real const* const weights = nodes + rule.points;
  KinkedFunction<Real> const f(function);
  for_each_lane(team, n, [=](int k) {
    work.c[k] = work.t[k] = 0;
    work.e[k] = Angle<Real>(src.load(k)).theta;
  });
  for (int a = 0; a < rule.points; ++a) {
    for_each_lane(team, n,
                  AddKinkedNode<Real>{work, col.data, f.alpha, nodes[a], weights[a], row[0]});
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

}  // namespace detail

}  // namespace widelimit::kernels
