#include "gram/detail/mixing_weights.hpp"

#include <algorithm>
#include <cmath>

namespace widelimit::gram::detail {
namespace {

/// From scores of the positions in the sequence.
void apply_mechanism(network::Attention::Mechanism mechanism, double* scores, Index length) {
  using Mechanism = network::Attention::Mechanism;
  double* const end = scores + length;
  if (mechanism == Mechanism::softmax) {
    double const most = *std::max_element(scores, end);
    double total = 0;
    for (double* score = scores; score != end; ++score) total += * score = std::exp(*score - most);
    for (double* score = scores; score != end; ++score) *score /= total;
  } else if (mechanism == Mechanism::abs) {
    std::transform(scores, end, scores, [](double score) { return std::abs(score); });
  } else if (mechanism == Mechanism::relu) {
    std::transform(scores, end, scores, [](double score) { return std::fmax(score, 0); });
  }
}

}  // namespace

template <class Real>
std::vector<double> pattern_weights(PointMapNode const& map, Index outputs, Index inputs,
                                    Index length, Real const* adjacency) {
  using Source = PointMapNode::Source;
  std::vector<double> g(static_cast<std::size_t>(outputs * inputs), 0.0);
  if (map.source == Source::last) {
    g[length - 1] = 1;
  } else if (map.source == Source::mean) {
    std::fill_n(g.begin(), length, 1.0 / static_cast<double>(length));
  } else if (map.source == Source::windows) {
    auto const& window = map.window;
    std::vector<double> counts(static_cast<std::size_t>(outputs), 0.0);
    for (int at = 0; at < window.begin[length]; ++at) counts[window.windows[at]] += 1;
    for (Index p = 0; p < length; ++p) {
      for (int at = window.begin[p]; at < window.begin[p + 1]; ++at)
        g[window.windows[at] * inputs + p] += 1 / counts[window.windows[at]];
    }
  } else {
    for (Index head = 0; head < outputs; ++head) {
      for (Index tail = 0; tail < inputs; ++tail)
        g[head * inputs + tail] = static_cast<double>(adjacency[tail * inputs + head]);
    }
  }
  return g;
}

std::vector<double> attention_weights(AttentionNode const& attention, Index positions, Index length,
                                      std::vector<double> const& kernels) {
  auto const& layer = attention.layer;
  double const factor = layer.w_key_std * layer.w_query_std;
  std::vector<double> g(static_cast<std::size_t>(positions * positions), 0.0);
  for (Index a = 0; a < length; ++a) {
    double* const scores = g.data() + a * positions;
    for (Index b = 0; b < length; ++b) {
      Index const at = a * positions + b;
      double const embedding = attention.beta == 0 ? 0 : attention.beta * attention.correlation[at];
      scores[b] = factor * (attention.alpha * kernels[at] + embedding);
    }
    apply_mechanism(layer.mechanism, scores, length);
  }
  return g;
}

template std::vector<double> pattern_weights(PointMapNode const&, Index, Index, Index,
                                             float const*);
template std::vector<double> pattern_weights(PointMapNode const&, Index, Index, Index,
                                             double const*);

}  // namespace widelimit::gram::detail
