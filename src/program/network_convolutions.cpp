/// \file
/// Convolutions: products with the weights of each place of a filter, columns moved before or after.
#include <cmath>

#include "network_pass.hpp"
#include "position_windows.hpp"
#include "sums.hpp"

namespace widelimit::program::detail {

NetworkPass::Flow NetworkPass::pass(network::Conv const& layer, Flow const& in) {
  if (layer.weights == network::Conv::Weights::local) return local_convolution(layer, in);
  Windows const windows(in.positions, layer.filter, layer.strides, layer.padding,
                        layer.weights == network::Conv::Weights::transposed);
  Index const inputs = windows.total(windows.in), outputs = windows.total(windows.out);
  begin_tensor(in.raw ? LayerKind::input : LayerKind::hidden);
  MultiIndex offset(windows.size);
  double const share =
      layer.w_std /
      std::sqrt(static_cast<double>(offset.count() * static_cast<Index>(in.parts.size())));
  std::vector<Id> terms;
  for (Index n = 0; n < offset.count(); ++n, offset.advance()) {
    auto const shift = at_all_points(points(), inputs, outputs, windows.entries(*offset));
    for (Id const part : in.parts) {
      // On the data and where columns become fewer, move them before the product.
      bool const first = in.raw || outputs < inputs;
      Id const x = first ? map(in.raw, part, shift) : part;
      Id const y = weighted(in.raw, x, share);
      terms.push_back(first ? y : map(false, y, shift));
    }
  }
  return masked(
      {false, {with_bias(add_all(terms), layer.b_std)}, windows.out, windows.counted(in.counted)});
}

NetworkPass::Flow NetworkPass::local_convolution(network::Conv const& layer, Flow const& in) {
  Windows const windows(in.positions, layer.filter, layer.strides, layer.padding, false);
  Index const inputs = windows.total(windows.in), outputs = windows.total(windows.out);
  begin_tensor(in.raw ? LayerKind::input : LayerKind::hidden);
  double const share =
      layer.w_std /
      std::sqrt(static_cast<double>(windows.places() * static_cast<Index>(in.parts.size())));
  std::vector<std::vector<Index>> read(static_cast<std::size_t>(outputs));  // by each window
  for (auto const& entry : windows.entries())
    read[static_cast<std::size_t>(entry.output)].push_back(entry.input);
  std::vector<Id> columns;
  for (Index o = 0; o < outputs; ++o) {
    std::vector<Id> terms;
    for (Index const i : read[static_cast<std::size_t>(o)])
      for (Id const part : in.parts) {
        Id const x = map(in.raw, part, at_all_points(points(), inputs, 1, {{i, 0, 1}}));
        terms.push_back(weighted(in.raw, x, share));
      }
    columns.push_back(map(false, add_all(terms), at_all_points(points(), 1, outputs, {{0, o, 1}})));
  }
  if (layer.b_std != 0) {
    Id const position = constant_array(
        b_, outputs, points() * outputs,
        [&](Index row, Index column) { return row == column % outputs ? 1.0 : 0.0; });
    columns.push_back(
        b_.add(Combine{none, constant_weights("bias", outputs, layer.b_std), position}));
  }
  return masked({false, {add_all(columns)}, windows.out, windows.counted(in.counted)});
}

}  // namespace widelimit::program::detail
