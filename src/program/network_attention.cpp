/// \file
/// Attention over the positions of each point (Hron et al. 2020), with embeddings of positions.
#include <cmath>
#include <optional>

#include <spdlog/fmt/fmt.h>

#include "widelimit/program/column_map.hpp"

#include "network_pass.hpp"
#include "sums.hpp"

namespace widelimit::program::detail {
namespace {

using network::Attention;

/// A square array, row by row.
struct Square {
  Index n;
  std::vector<double> values = std::vector<double>(static_cast<std::size_t>(n * n));
  double& operator()(Index i, Index j) { return values[static_cast<std::size_t>(i * n + j)]; }
  double operator()(Index i, Index j) const { return values[static_cast<std::size_t>(i * n + j)]; }
};

/// exp(-(|p - q|_norm/length)²) of the embeddings of positions p and q.
Square correlations(Attention const& layer, network::Positions const& positions) {
  Index const width = positions.back(), n = positions.size() == 1 ? width : positions[0] * width;
  Square r{n};
  for (Index p = 0; p < n; ++p)
    for (Index q = 0; q < n; ++q) {
      r(p, q) = p == q ? 1 : 0;
      if (!layer.decay || p == q) continue;
      double const norm = layer.decay->p_norm;
      auto const along = [&](Index a, Index b) {
        return std::pow(std::fabs(static_cast<double>(a - b)), norm);
      };
      double const distance =
          std::pow(along(p / width, q / width) + along(p % width, q % width), 1 / norm);
      r(p, q) = std::exp(-std::pow(distance / layer.decay->length, 2));
    }
  return r;
}

/// Lower triangular L with LLᵀ = R, with zeros for what R lacks in rank; none where R is no
/// covariance.
std::optional<Square> cholesky(Square const& r) {
  constexpr double rounding = 1e-10;
  Square l{r.n};
  for (Index j = 0; j < r.n; ++j) {
    for (Index i = j; i < r.n; ++i) {
      double rest = r(i, j);
      for (Index k = 0; k < j; ++k) rest -= l(i, k) * l(j, k);
      if (i == j)
        l(j, j) = rest > rounding ? std::sqrt(rest) : 0;
      else if (l(j, j) > 0)
        l(i, j) = rest / l(j, j);
      else if (std::fabs(rest) > std::sqrt(rounding))
        return std::nullopt;
      if (i == j && rest < -1e3 * rounding) return std::nullopt;
    }
  }
  return l;
}

}  // namespace

std::vector<Id> NetworkPass::embeddings(Attention const& layer, Flow const& in) {
  auto const l = cholesky(correlations(layer, in.positions));
  if (!l)
    fail(fmt::format(
        "the correlations of positions of pos_emb_decay with p_norm = {:g} are those of no random "
        "embedding; use p_norm: 2",
        layer.decay->p_norm));
  Id const of_position = constant_array(
      b_, l->n, points() * l->n, [&](Index row, Index column) { return (*l)(column % l->n, row); });
  std::vector<Id> made;
  for (std::size_t k = 0; k < in.parts.size(); ++k)
    made.push_back(b_.add(
        Combine{none, constant_weights("embedding", l->n, layer.w_pos_emb_std), of_position}));
  return made;
}

NetworkPass::Flow NetworkPass::embedded(Attention const& layer, Flow const& in) {
  if (layer.embedding == Attention::Embedding::none) return in;
  if (in.raw)
    fail(
        "embeddings of positions on the data have as few channels as these, so that they stay "
        "random however wide the network is; put a weight layer such as `dense` before the "
        "attention");
  auto const made = embeddings(layer, in);
  Flow out = in;
  for (std::size_t k = 0; k < made.size(); ++k) {
    if (layer.embedding == Attention::Embedding::sum)
      out.parts[k] = add_all({in.parts[k], made[k]});
    else
      out.parts.push_back(made[k]);
  }
  return masked(std::move(out));
}

Id NetworkPass::attention_weights(Attention const& layer, Flow const& in, Id products) {
  Id const scores = b_.scaled(products, layer.w_key_std * layer.w_query_std);
  switch (layer.mechanism) {
    case Attention::Mechanism::softmax: {
      Id const largest = b_.add(ScalarReduce{none, scores, Reduction::maximum, Axis::rows});
      Id powers = b_.elementwise("exp(a - b)", {scores, largest});
      if (Id const counts = mask(in); counts != none) {
        // Keys that count: the same rows for all queries of a point.
        Index const size = count(in.positions);
        Id const keys =
            b_.add(ScalarMapColumns{none, b_.transpose(counts, points()),
                                    transposed(*sum_of_groups(points() * size, points()))});
        powers = b_.elementwise("a*b", {powers, keys});
      }
      return b_.elementwise("a/b", {powers, b_.sum(powers, Axis::rows)});
    }
    case Attention::Mechanism::abs:
      return b_.elementwise("abs(a)", {scores});
    case Attention::Mechanism::relu:
      return b_.elementwise("relu(a)", {scores});
    default:
      return scores;
  }
}

NetworkPass::Flow NetworkPass::pass(Attention const& layer, Flow const& in) {
  if (!layer.linear_scaling)
    fail(
        "attention with `linear_scaling: false` has scores that stay random as the width grows, "
        "with infinitely many heads; leave it out");
  auto const kind = in.raw ? LayerKind::input : LayerKind::hidden;
  Flow const seen = embedded(layer, in);
  begin_tensor(kind);
  Id const key = weighted_sum(seen, 1);  // tied with the query
  begin_tensor(kind);
  Id const value = weighted_sum(layer.val_pos_emb ? seen : in, layer.w_value_std);
  Id const products = b_.add(InnerProducts{none, key, key, points()});
  Id const mixed = b_.add(Combine{none, value, attention_weights(layer, in, products), points()});
  begin_tensor(LayerKind::hidden);
  Id const out = weighted(false, mixed, layer.w_out_std);
  return masked({false, {with_bias(out, layer.b_std)}, in.positions, in.counted});
}

}  // namespace widelimit::program::detail
