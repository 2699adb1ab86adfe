/// \file
/// Attention over the positions of each point.
#include "network_pass.hpp"

namespace widelimit::program::detail {

NetworkPass::Flow NetworkPass::pass(network::Attention const& layer, Flow const& in) {
  if (!layer.linear_scaling)
    fail("attention with `linear_scaling: false` has no limit as a program; leave it out");
  if (layer.embedding != network::Attention::Embedding::none)
    fail(
        "attention with positional embeddings is not built for programs; leave `pos_emb_type` "
        "out");
  if (in.parts.size() != 1) fail("attention after `concat` is not built for programs");
  auto const kind = in.raw ? LayerKind::input : LayerKind::hidden;
  Id const z = in.parts.front();
  begin_tensor(kind);
  Id const key = weighted(in.raw, z, 1);  // tied with the query
  begin_tensor(kind);
  Id const value = weighted(in.raw, z, layer.w_value_std);
  Id const products = b_.add(InnerProducts{none, key, key, points()});
  Id scores = b_.scaled(products, layer.w_key_std * layer.w_query_std);
  switch (layer.mechanism) {
    case network::Attention::Mechanism::softmax: {
      Id const largest = b_.add(ScalarReduce{none, scores, Reduction::maximum, Axis::rows});
      Id const powers = b_.elementwise("exp(a - b)", {scores, largest});
      scores = b_.elementwise("a/b", {powers, b_.sum(powers, Axis::rows)});
      break;
    }
    case network::Attention::Mechanism::identity:
      break;
    case network::Attention::Mechanism::abs:
      scores = b_.elementwise("abs(a)", {scores});
      break;
    case network::Attention::Mechanism::relu:
      scores = b_.elementwise("relu(a)", {scores});
      break;
  }
  Id const mixed = b_.add(Combine{none, value, scores, points()});
  begin_tensor(LayerKind::hidden);
  Id const out = weighted(false, mixed, layer.w_out_std);
  return {false, {with_bias(out, layer.b_std)}, in.positions};
}

}  // namespace widelimit::program::detail
