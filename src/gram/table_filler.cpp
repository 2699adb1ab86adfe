#include "gram/detail/table_filler.hpp"

#include <algorithm>
#include <cmath>

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "gram/detail/mixing_weights.hpp"

namespace widelimit::gram::detail {

using kernels::PlaneOpKind;

template <class Real>
TableFiller<Real>::TableFiller(PositionPlan const& plan, std::vector<PlannedStage> const& stages,
                               std::vector<std::vector<BoundFunction<Real>>> const& functions,
                               Points<Real> const& points, std::vector<Index> const& numbers,
                               Real* table)
    : plan_(plan),
      stages_(stages),
      functions_(functions),
      points_(points),
      numbers_(numbers),
      table_(table),
      q_(plan.graph.nodes.size()),
      lengths_(plan.graph.nodes.size()) {
  numbers_.resize(lanes, numbers.back());
}

template <class Real>
void TableFiller<Real>::put(Index slot, Numbers const& values, double factor) {
  Real* const to = table_ + slot * lanes;
  for (std::size_t i = 0; i < values.size(); ++i) to[i] = static_cast<Real>(factor * values[i]);
}

template <class Real>
void TableFiller<Real>::fill(int stage, int begin, int end, Real const* tensors) {
  auto const& ops = stages_[stage].ops;
  for (int o = begin; o < end; ++o) {
    int const i = ops[o].node;
    if (ops[o].op.kind == PlaneOpKind::add_attention && ops[o].op.count == 1)
      put_inside(ops[o].op.slot_out, i);
    if (!q_[i].empty()) continue;  // a sink, or a later part of a join
    if (ops[o].conv >= 0) lengths_[ops[o].conv] = lengths_of(ops[o].conv);
    if (!node(i).inputs.empty()) lengths_[i] = lengths_of(i);
    fill(ops[o], functions_[stage][o], tensors);
    Index const slot = plan_.slots[i].half_variance;
    if (slot >= 0) put(slot, q_[i], 0.5);
  }
}

/// As those of the input; a mask changes them.
template <class Real>
std::vector<int> TableFiller<Real>::lengths_of(int i) const {
  // A single position is never masked, whatever is left of a sequence.
  if (plan_.graph.masked && positions(i) > 1) return lengths_[input_of(i)];
  return std::vector<int>(lanes, static_cast<int>(positions(i)));
}

template <class Real>
void TableFiller<Real>::fill(PlannedOp const& planned, BoundFunction<Real> const& function,
                             Real const* tensors) {
  int const i = planned.node;
  auto const& kind = node(i).kind;
  if (std::holds_alternative<InputNode>(kind)) {
    input(planned);
  } else if (std::holds_alternative<ConvNode>(kind)) {
    conv(i);
  } else if (std::holds_alternative<DualNode>(kind)) {
    if (planned.op.kind == PlaneOpKind::conv_relu) return relu(planned);
    if (planned.op.kind != PlaneOpKind::sum_first) element_wise(planned, function);
  } else if (auto const* rnn = std::get_if<RnnNode>(&kind)) {
    if (planned.op.kind != PlaneOpKind::sum_first) recurrence(planned, *rnn, function);
  } else if (auto const* norm_node = std::get_if<NormNode>(&kind)) {
    norm(planned, *norm_node);
  } else if (auto const* dropout_node = std::get_if<DropoutNode>(&kind)) {
    dropout(planned, *dropout_node);
  } else if (auto const* sum_node = std::get_if<SumNode>(&kind)) {
    sum(i, *sum_node);
  } else if (std::holds_alternative<ProductNode>(kind)) {
    product(i);
  } else if (std::holds_alternative<MaskNode>(kind)) {
    mask(planned);
  } else if (auto const* window_node = std::get_if<WindowNode>(&kind)) {
    window(planned, *window_node, tensors);
  } else if (auto const* diagonal_node = std::get_if<DiagonalNode>(&kind)) {
    diagonal(i, *diagonal_node);
  } else if (auto const* attention = std::get_if<AttentionNode>(&kind);
             attention != nullptr && !attention->layer.linear_scaling) {
    square_root_attention(planned, *attention, tensors);
  } else {
    point_map(planned, tensors);
  }
}

template <class Real>
void TableFiller<Real>::input(PlannedOp const& planned) {
  int const channels = static_cast<int>(plan_.graph.channels);
  Index const n = positions(planned.node);
  Numbers& q = q_[planned.node];
  q.assign(static_cast<std::size_t>(n * lanes), 0.0);
  Real* const to = table_ + planned.op.slot_in * lanes;
  auto const& lengths = points_.positions.lengths;
  for (int k = 0; k < lanes; ++k) {
    Index const point = numbers_[k];
    // unit rows hold x/|x|, scales |x|/√d
    double const factor = points_.scale_in[static_cast<std::size_t>(point)] *
                          std::sqrt(static_cast<double>(points_.d));
    int const length =
        static_cast<int>(lengths.empty() ? n : lengths[static_cast<std::size_t>(point)]);
    lengths_[planned.node].push_back(length);
    for (Index p = 0; p < n; ++p) {
      double sum = 0;
      for (Index c = 0; c < channels; ++c) {
        double const x =
            p < length ? factor * static_cast<double>(points_.host_rows(point, p * channels + c))
                       : 0.0;
        to[(p * channels + c) * lanes + k] = static_cast<Real>(x);
        sum += x * x;
      }
      q[p * lanes + k] = sum / channels;
    }
  }
}

template <class Real>
void TableFiller<Real>::conv(int i) {
  auto const& conv = std::get<ConvNode>(node(i).kind);
  Numbers const& in = q_[input_of(i)];
  Index const n = positions(i);
  Numbers& q = q_[i];
  q.assign(static_cast<std::size_t>(n * lanes), 0.0);
  for (Index p = 0; p < n; ++p) {
    for (int t = 0; t < conv.n_taps; ++t) {
      int const from = conv.taps[p * conv.n_taps + t];
      if (from < 0) continue;
      for (int k = 0; k < lanes; ++k) q[p * lanes + k] += in[from * lanes + k];
    }
    for (int k = 0; k < lanes; ++k)
      q[p * lanes + k] = conv.w2 / conv.n_taps * q[p * lanes + k] + conv.b2;
  }
}

/// A convolution and the relu behind it.
template <class Real>
void TableFiller<Real>::relu(PlannedOp const& planned) {
  conv(planned.conv);
  Numbers const& sum = q_[planned.conv];
  Numbers& q = q_[planned.node];
  q.resize(sum.size());
  Real* const r = table_ + planned.op.slot_out * lanes;
  Real* const inverse = r + sum.size();
  for (std::size_t i = 0; i < sum.size(); ++i) {
    double const scale = std::sqrt(sum[i]);
    r[i] = static_cast<Real>(scale);
    inverse[i] = scale > 0 ? static_cast<Real>(1 / scale) : Real(0);
    q[i] = planned.op.gain * sum[i];
  }
}

/// Slots of `n` positions from `first` on, of `total` in all.
template <class Real>
void TableFiller<Real>::apply(BoundFunction<Real> const& function, Index slot, Index total,
                              Index first, Numbers const& q, Numbers& out, int i) {
  std::size_t const size = q.size();
  Numbers r(size), scale_out(size), coefficients(size * function.n_coefficients);
  std::transform(q.begin(), q.end(), r.begin(), [](double v) { return std::sqrt(v); });
  function.fill(r, scale_out, coefficients);
  Numbers inverse(size);
  for (std::size_t at = 0; at < size; ++at) {
    auto const p = static_cast<int>(first + static_cast<Index>(at) / lanes);
    if (p >= lengths_[i][at % lanes]) scale_out[at] = 0;
    inverse[at] = r[at] > 0 ? 1 / r[at] : 0;
    out[at] = scale_out[at] * scale_out[at];
    if (!std::isfinite(out[at])) {
      throw InputError(fmt::format(
          "{}: the variance of its output overflows for data point {}, whose pre-activation has "
          "standard deviation {:.3g}; lower w_std or scale the inputs (data.inputs)",
          node(i).name, numbers_[at % lanes], r[at]));
    }
  }
  put(slot + first, r);
  put(slot + total + first, inverse);
  put(slot + 2 * total + first, scale_out);
  for (Index m = 0; m < function.n_coefficients; ++m) {
    Numbers const one(coefficients.begin() + static_cast<std::ptrdiff_t>(m * size),
                      coefficients.begin() + static_cast<std::ptrdiff_t>((m + 1) * size));
    put(slot + (3 + m) * total + first, one);
  }
}

template <class Real>
void TableFiller<Real>::element_wise(PlannedOp const& planned,
                                     BoundFunction<Real> const& function) {
  int const i = planned.node;
  Numbers const& in = q_[input_of(i)];
  Numbers out(in.size());
  apply(function, planned.op.slot_out, positions(i), 0, in, out, i);
  q_[i] = std::move(out);
}

template <class Real>
void TableFiller<Real>::recurrence(PlannedOp const& planned, RnnNode const& rnn,
                                   BoundFunction<Real> const& function) {
  int const i = planned.node;
  Numbers const& in = q_[input_of(i)];
  Index const n = positions(i);
  Numbers sums(in.size()), outs(in.size()), sum(lanes), out(lanes, 0.0);
  for (Index p = 0; p < n; ++p) {
    for (int k = 0; k < lanes; ++k) {
      bool const inside = p < lengths_[i][k];
      sum[k] = inside ? rnn.w2 * out[k] + rnn.u2 * in[p * lanes + k] + rnn.b2 : 0;
      sums[p * lanes + k] = sum[k];
    }
    apply(function, planned.op.slot_out, n, p, sum, out, i);
    std::copy(out.begin(), out.end(), outs.begin() + p * lanes);
  }
  put(planned.op.slot_in, sums, 0.5);
  put(planned.op.slot_in + n, outs, 0.5);
  q_[i] = std::move(outs);
}

template <class Real>
std::vector<double> TableFiller<Real>::scales_before(int stage, int op) const {
  int const i = stages_[stage].ops[op].node;
  Numbers r = q_[input_of(i)];
  if (auto const* rnn = std::get_if<RnnNode>(&node(i).kind)) {
    // No function of the language has E φ² above q + 2.
    for (double& q : r) q = rnn->u2 * q + rnn->b2;
    double const most = *std::max_element(r.begin(), r.end());
    double q = most;
    for (Index p = 1; p < positions(i); ++p) q = rnn->w2 * (q + 2) + most;
    r.push_back(q);
  }
  for (double& q : r) q = std::sqrt(q);
  return r;
}

template <class Real>
void TableFiller<Real>::norm(PlannedOp const& planned, NormNode const& norm) {
  int const i = planned.node;
  Numbers q = q_[input_of(i)];
  Index const n = positions(i);
  Numbers g(q.size()), gq(q.size());
  for (int k = 0; k < lanes; ++k) {
    double mean = 0;
    for (Index p = 0; p < n; ++p) mean += q[p * lanes + k];
    mean /= lengths_[i][k];
    for (Index p = 0; p < n; ++p) {
      std::size_t const at = p * lanes + k;
      double const variance = (norm.all_axes ? mean : q[at]) + norm.eps;
      // Beyond the end ε alone would blow up what rounding left there.
      bool const inside = p < lengths_[i][k];
      g[at] = inside && variance > 0 ? 1 / std::sqrt(variance) : 0;
      gq[at] = g[at] * q[at];
      q[at] *= g[at] * g[at];
    }
  }
  put(planned.op.slot_out, g);
  put(planned.op.slot_out + n, gq);
  q_[i] = std::move(q);
}

template <class Real>
void TableFiller<Real>::dropout(PlannedOp const& planned, DropoutNode const& dropout) {
  Numbers q = q_[input_of(planned.node)];
  put(planned.op.slot_out, q, 0.5 * (1 / dropout.keep - 1));
  for (double& value : q) value /= dropout.keep;
  q_[planned.node] = std::move(q);
}

template <class Real>
void TableFiller<Real>::sum(int i, SumNode const& sum) {
  Numbers q(q_[input_of(i)].size(), 0.0);
  for (std::size_t b = 0; b < sum.weights.size(); ++b) {
    Numbers const& branch = q_[node(i).inputs[b]];
    for (std::size_t at = 0; at < q.size(); ++at) q[at] += sum.weights[b] * branch[at];
  }
  q_[i] = std::move(q);
}

template <class Real>
void TableFiller<Real>::product(int i) {
  auto const& inputs = node(i).inputs;
  Numbers q = q_[inputs[0]];
  Index slot = plan_.slots[i].first;
  for (std::size_t b = 1; b < inputs.size(); ++b) {
    Numbers const& branch = q_[inputs[b]];
    put(slot, q, 0.5);
    put(slot + positions(i), branch, 0.5);
    slot += 2 * positions(i);
    for (std::size_t at = 0; at < q.size(); ++at) q[at] *= branch[at];
  }
  q_[i] = std::move(q);
}

/// 1 in the sequence, 0 beyond it.
template <class Real>
void TableFiller<Real>::put_inside(Index slot, int i) {
  Numbers inside(static_cast<std::size_t>(positions(i) * lanes), 0.0);
  for (int k = 0; k < lanes; ++k)
    for (Index p = 0; p < lengths_[i][k]; ++p) inside[p * lanes + k] = 1;
  put(slot, inside);
}

template <class Real>
void TableFiller<Real>::mask(PlannedOp const& planned) {
  int const i = planned.node;
  auto const& mask = std::get<MaskNode>(node(i).kind);
  Numbers q = q_[input_of(i)];
  for (int k = 0; k < lanes; ++k) {
    int& length = lengths_[i][k];
    length = std::min(mask.length(length), static_cast<int>(positions(i)));
    for (Index p = length; p < positions(i); ++p) q[p * lanes + k] = 0;
  }
  put(planned.op.slot_out, q, 0.5);
  put_inside(planned.op.slot_out + positions(i), i);
  q_[i] = std::move(q);
}

template <class Real>
void TableFiller<Real>::diagonal(int i, DiagonalNode const& diagonal) {
  Numbers const& in = q_[input_of(i)];
  Numbers q(lanes, 0.0);
  for (std::size_t at = 0; at < in.size(); ++at)
    q[at % lanes] += diagonal.weights[at / lanes] * in[at];
  q_[i] = std::move(q);
  lengths_[i].assign(lanes, 1);
}

template <class Real>
void TableFiller<Real>::window(PlannedOp const& planned, WindowNode const& window,
                               Real const* tensors) {
  int const i = planned.node;
  Index const n = positions(i);
  Numbers const& in = q_[input_of(i)];
  Numbers a(static_cast<std::size_t>(n * lanes), 0.0), m(a), w(a), q(a);
  for (Index p = 0; p < positions(input_of(i)); ++p) {
    for (int at = window.begin[p]; at < window.begin[p + 1]; ++at) {
      for (int k = 0; k < lanes; ++k) {
        a[window.windows[at] * lanes + k] += window.weights[at];
        m[window.windows[at] * lanes + k] += window.weights[at] * in[p * lanes + k];
      }
    }
  }
  kernels::PairTensor const& tensor = plan_.tensors[planned.op.tensor];
  // Equal positions come in order.
  Real const* const sums =
      tensors +
      (tensor.offset + plan_.integers[static_cast<std::size_t>(tensor.place({0, 0}))]) * lanes;
  if (n == 1) lengths_[i].assign(lanes, 1);
  if (planned.op.kind == PlaneOpKind::load_kernel) {
    if (planned.op.exact) {
      for (std::size_t at = 0; at < q.size(); ++at)
        q[at] = std::fmax(static_cast<double>(sums[at]), 0);
    }
  } else {
    for (std::size_t at = 0; at < q.size(); ++at) {
      w[at] = planned.op.exact ? 0.5 * static_cast<double>(sums[at]) : 0;
      q[at] = std::fmax(a[at] * m[at] - 2 * w[at], 0);
    }
    put(planned.op.slot_in, w);
    put(planned.op.slot_in + n, a);
    put(planned.op.slot_in + 2 * n, m);
  }
  q_[i] = std::move(q);
}

/// y(a) = Σ G(a, p) x(p).
template <class Real>
void TableFiller<Real>::point_map(PlannedOp const& planned, Real const* tensors) {
  int const i = planned.node;
  Index const m = positions(i), n = positions(input_of(i));
  auto const& op = planned.op;
  // The sandwich of this node knows where its input and G lie.
  kernels::SandwichOp const* sandwich = nullptr;
  for (auto const& stage : stages_) {
    for (std::size_t s = 0; s < stage.sandwiches.size(); ++s)
      if (stage.sandwich_nodes[s] == i) sandwich = &stage.sandwiches[s];
  }
  Real const* const d = tensors + plan_.tensors[sandwich->in].offset * lanes;
  Numbers const g = weights_of(i, d);
  put(sandwich->slot, g);

  Numbers const& in = q_[input_of(i)];
  double const* const r = sandwich->beta == 0 ? nullptr : plan_.numbers.data() + sandwich->numbers;
  Numbers q(static_cast<std::size_t>(m * lanes), 0.0);
  for (Index o = 0; planned.op.exact && o < m; ++o) {
    for (Index p = 0; p < n; ++p) {
      for (int k = 0; k < lanes; ++k) {
        double const weight = g[(o * n + p) * lanes + k];
        if (weight == 0) continue;
        double sum = 0;
        for (Index p2 = 0; p2 < n; ++p2) {
          double const kernel = 0.5 * (in[p * lanes + k] + in[p2 * lanes + k]) -
                                static_cast<double>(d[(p * n + p2) * lanes + k]);
          double const embedding = r == nullptr ? 0 : sandwich->beta * r[p * n + p2];
          sum += g[(o * n + p2) * lanes + k] * (sandwich->alpha * kernel + embedding);
        }
        q[o * lanes + k] += weight * sum;
      }
    }
  }
  for (double& value : q) value = std::fmax(op.scale * value, 0) + op.shift;
  q_[i] = std::move(q);
  if (m == 1) lengths_[i].assign(lanes, 1);
}

/// As mixing_weights.hpp, G(a, p) of all lanes.
template <class Real>
auto TableFiller<Real>::weights_of(int i, Real const* d) const -> Numbers {
  Index const m = positions(i), n = positions(input_of(i));
  Numbers const& q = q_[input_of(i)];
  auto const* const attention = std::get_if<AttentionNode>(&node(i).kind);
  Numbers all(static_cast<std::size_t>(m * n * lanes)), kernels;
  for (int k = 0; k < lanes; ++k) {
    int const length = lengths_[input_of(i)][k];
    Numbers g;
    if (attention != nullptr) {
      kernels.resize(static_cast<std::size_t>(n * n));
      for (Index at = 0; at < n * n; ++at)
        kernels[at] = 0.5 * (q[at / n * lanes + k] + q[at % n * lanes + k]) -
                      static_cast<double>(d[at * lanes + k]);
      g = attention_weights(*attention, n, length, kernels);
    } else {
      auto const& map = std::get<PointMapNode>(node(i).kind);
      g = pattern_weights(map, m, n, length, adjacency(map, numbers_[k], n));
    }
    for (Index at = 0; at < m * n; ++at) all[at * lanes + k] = g[at];
  }
  return all;
}

template <class Real>
Real const* TableFiller<Real>::adjacency(PointMapNode const& map, Index point, Index n) const {
  if (map.source != PointMapNode::Source::pattern) return nullptr;
  auto const& pattern = points_.positions.patterns.at(map.pattern);
  return pattern.values.data() + (pattern.shared ? 0 : point * n * n);
}

template <class Real>
void TableFiller<Real>::square_root_attention(PlannedOp const& planned,
                                              AttentionNode const& attention, Real const* tensors) {
  int const i = planned.node;
  Numbers q = q_[input_of(i)];
  Real const* const sum = tensors + plan_.tensors[plan_.sum_tensor[i]].offset * lanes;
  for (std::size_t at = 0; at < q.size(); ++at) {
    q[at] = planned.op.scale * static_cast<double>(sum[at % lanes]) *
                (attention.alpha * q[at] + attention.beta) +
            planned.op.shift;
  }
  q_[i] = std::move(q);
}

template class TableFiller<float>;
template class TableFiller<double>;

}  // namespace widelimit::gram::detail
