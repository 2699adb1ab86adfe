#include "tangent_kernel.hpp"

#include "widelimit/program/column_map.hpp"

#include "gradient_products.hpp"
#include "sums.hpp"

namespace widelimit::program::detail {

std::vector<Gradient> output_gradients(Builder& b, Block const& forward, Pass const& pass,
                                       Index output, std::vector<Parameter> const& parameters) {
  // 1 in the row of the output.
  Id const row = b.add(
      ScalarMapColumns{none, b.constant(1), make_map(1, b.rows(pass.outputs), {{0, output, 1}})});
  Id const seed =
      b.add(ScalarNonlinear{none, Expression::argument(0), {b.transpose(row), pass.outputs}});
  std::vector<Id> of;
  of.reserve(parameters.size() + pass.taps.size());
  for (auto const& parameter : parameters) of.push_back(parameter.value);
  for (auto const& tap : pass.taps) of.push_back(tap.preactivation);
  return differentiate(b, forward, {{pass.outputs, seed}}, of);
}

Id tangent_kernel(Builder& b, std::vector<Parameter> const& parameters,
                  std::vector<Gradient> const& g, std::vector<Gradient> const& h, Index points_g,
                  Index points_h, bool count_multipliers) {
  std::vector<Id> parts;
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    double const weight = parameters[k].rate * (count_multipliers ? parameters[k].multiplier : 1);
    if (weight == 0) continue;
    Id const products = gradient_products(b, g[k], h[k], points_g, points_h);
    if (products == none) continue;
    parts.push_back(b.scaled(products, weight));
  }
  return parts.empty() ? none : sum_of_scalars(b, parts);
}

}  // namespace widelimit::program::detail
