/// \file
/// Convolutions: products with the weights of each place of a filter, columns moved before or after.
#include <cmath>

#include "network_pass.hpp"
#include "position_windows.hpp"

namespace widelimit::program::detail {

NetworkPass::Flow NetworkPass::pass(network::Conv const& layer, Flow const& in) {
  using Weights = network::Conv::Weights;
  if (layer.weights == Weights::local)
    fail(
        "`conv_local` has weights of its own at every position, which is not built for programs; "
        "use `conv`");
  Windows const windows(in.positions, layer.filter, layer.strides, layer.padding,
                        layer.weights == Weights::transposed);
  Index const inputs = windows.total(windows.in), outputs = windows.total(windows.out);
  begin_tensor(in.raw ? LayerKind::input : LayerKind::hidden);
  MultiIndex offset(windows.size);
  double const share =
      layer.w_std /
      std::sqrt(static_cast<double>(offset.count() * static_cast<Index>(in.parts.size())));
  std::vector<Id> terms;
  for (Index n = 0; n < offset.count(); ++n, offset.advance()) {
    std::vector<MapEntry> entries;
    windows.visit(*offset, [&](Index i, Index o) { entries.push_back({i, o, 1}); });
    auto const shift = at_all_points(points(), inputs, outputs, entries);
    for (Id const part : in.parts) {
      // On the data and where columns become fewer, move them before the product.
      bool const first = in.raw || outputs < inputs;
      Id const x = first ? map(in.raw, part, shift) : part;
      Id const y = weighted(in.raw, x, share);
      terms.push_back(first ? y : map(false, y, shift));
    }
  }
  return {false, {with_bias(add_all(terms), layer.b_std)}, windows.out};
}

}  // namespace widelimit::program::detail
