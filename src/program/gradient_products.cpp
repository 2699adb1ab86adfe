#include "gradient_products.hpp"

#include "sums.hpp"

namespace widelimit::program::detail {
namespace {

/// Σ over the rows and columns of each point.
Id sum_to_points(Builder& b, Id products, Index points_g, Index points_h) {
  Id x = sum_scalar_groups(b, products, points_h);
  if (b.rows(x) == points_g) return x;
  x = sum_scalar_groups(b, b.transpose(x), points_g);
  return b.transpose(x);
}

}  // namespace

Id gradient_products(Builder& b, Gradient const& g, Gradient const& h, Index points_g,
                     Index points_h) {
  std::vector<Id> sums;
  auto const add = [&](Id x_products, Id other) {
    sums.push_back(sum_to_points(b, b.elementwise("a*b", {x_products, other}), points_g, points_h));
  };
  for (auto const& t : g.outer)
    for (auto const& s : h.outer)
      add(b.add(InnerProducts{none, t.y, s.y}), b.add(InnerProducts{none, t.x, s.x}));
  for (auto const& t : g.terms)
    for (auto const& s : h.terms) {
      Id const products = b.add(InnerProducts{none, t.x, s.x});
      // Gradients of parameters come as x·S, S of columns x parameters.
      add(products, b.add(ScalarProduct{none, t.s, b.transpose(s.s)}));
    }
  if (g.scalar != none && h.scalar != none)
    sums.push_back(points_g == 1 && points_h == 1
                       ? b.sum(b.elementwise("a*b", {g.scalar, h.scalar}), Axis::all)
                       : b.constant(1));
  return sums.empty() ? none : sum_of_scalars(b, sums);
}

}  // namespace widelimit::program::detail
