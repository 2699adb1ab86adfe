#include "widelimit/network/describe.hpp"

#include <spdlog/fmt/fmt.h>

#include "overloaded.hpp"

namespace widelimit::network {
namespace {

using detail::Overloaded;

template <class Function>
std::string abc_text(Function const& f) {
  return fmt::format("a {:.6g}, b {:.6g}, c {:.6g}", f.a, f.b, f.c);
}

std::string_view name_of(NumericalFunction fn) {
  constexpr std::string_view names[] = {"tanh", "sigmoid", "softplus", "swish",
                                        "elu",  "selu",    "mish"};
  return names[static_cast<std::size_t>(fn)];
}

std::string parameters(Activation const& activation) {
  return std::visit(
      Overloaded{
          [](AbRelu const& f) { return fmt::format("a {:.6g}, b {:.6g}", f.a, f.b); },
          [](Erf const& f) { return abc_text(f); }, [](Sin const& f) { return abc_text(f); },
          [](Cos const& f) { return abc_text(f); },
          [](Rbf const& f) { return fmt::format("gamma {:.6g}", f.gamma); },
          [](Exp const& f) { return fmt::format("a {:.6g}, b {:.6g}", f.a, f.b); },
          [](Gaussian const& f) { return fmt::format("a {:.6g}, b {:.6g}", f.a, f.b); },
          [](ExpNormalized const& f) {
            return fmt::format("gamma {:.6g}, shift {:.6g}, do_clip {}", f.gamma, f.shift,
                               f.do_clip);
          },
          [](Monomial const& f) { return fmt::format("degree {}", f.degree); },
          [](RectifiedMonomial const& f) { return fmt::format("degree {}", f.degree); },
          [](Hermite const& f) { return fmt::format("degree {}", f.degree); },
          [](Polynomial const& f) { return fmt::format("coef [{:.6g}]", fmt::join(f.coef, ", ")); },
          [](Numerical const& f) {
            return fmt::format(
                "fn {}, points {}", name_of(f.fn),
                f.points == Numerical::automatic ? "auto" : std::to_string(f.points));
          },
          [](auto const&) { return std::string(); }},  // Gelu, Sign, Gabor have none
      activation);
}

std::string_view name_of(Padding padding) {
  constexpr std::string_view names[] = {"valid", "same", "circular"};
  return names[static_cast<std::size_t>(padding)];
}

std::string text_of(PerAxis const& numbers) {
  return numbers.size() == 1 ? std::to_string(numbers.front())
                             : fmt::format("[{}]", fmt::join(numbers, ", "));
}

std::string embedding_text(Attention const& l) {
  if (l.embedding == Attention::Embedding::none) return "none";
  std::string text = l.embedding == Attention::Embedding::sum ? "sum" : "concat";
  if (l.n_chan_pos_emb) text += fmt::format(" of {} channels", *l.n_chan_pos_emb);
  text += fmt::format(", w_pos_emb_std {:.6g}, pos_emb_decay ", l.w_pos_emb_std);
  if (l.decay) {
    text += fmt::format("length {:.6g} p_norm {:.6g}", l.decay->length, l.decay->p_norm);
  } else {
    text += "none";
  }
  return text + fmt::format(", val_pos_emb {}", l.val_pos_emb);
}

std::string parameters(Attention const& l) {
  constexpr std::string_view mechanisms[] = {"softmax", "identity", "abs", "relu"};
  return fmt::format(
      "linear_scaling {}, attention_mechanism {}, w_key_std {:.6g}, w_query_std {:.6g}, "
      "w_value_std {:.6g}, w_out_std {:.6g}, b_std {:.6g}, pos_emb_type {}",
      l.linear_scaling, mechanisms[static_cast<std::size_t>(l.mechanism)], l.w_key_std,
      l.w_query_std, l.w_value_std, l.w_out_std, l.b_std, embedding_text(l));
}

std::string parameters(Rnn const& l) {
  auto const activation = parameters(l.activation);
  return fmt::format("activation {}{}, w_std {:.6g}, u_std {:.6g}, b_std {:.6g}, return {}",
                     l.activation_name, activation.empty() ? "" : " (" + activation + ")", l.w_std,
                     l.u_std, l.b_std, l.returns == Rnn::Return::last ? "last" : "sequence");
}

std::string parameters(Layer const& layer) {
  return std::visit(
      Overloaded{
          [](Dense const& l) {
            return fmt::format("w_std {:.6g}, b_std {:.6g}", l.w_std, l.b_std);
          },
          [](Conv const& l) {
            return fmt::format("filter {}, strides {}, padding {}, w_std {:.6g}, b_std {:.6g}",
                               text_of(l.filter), text_of(l.strides), name_of(l.padding), l.w_std,
                               l.b_std);
          },
          [](Pool const& l) {
            return fmt::format("window {}, strides {}, padding {}{}", text_of(l.window),
                               text_of(l.strides), name_of(l.padding),
                               l.kind == Pool::Kind::sum
                                   ? ""
                                   : fmt::format(", normalize_edges {}", l.normalize_edges));
          },
          [](Attention const& l) { return parameters(l); },
          [](Aggregate const& l) { return "pattern " + l.pattern; },
          [](Rnn const& l) { return parameters(l); },
          [](GlobalPool const&) { return std::string(); },
          [](Flatten const&) { return std::string(); },
          [](Activation const& f) { return parameters(f); },
          [](LayerNorm const& l) {
            return fmt::format("axes {}, eps {:.6g}",
                               l.axes == LayerNorm::Axes::channel ? "channel" : "all", l.eps);
          },
          [](Dropout const& l) {
            return fmt::format("rate {:.6g} kept, mode {}", l.rate,
                               l.mode == Dropout::Mode::train ? "train" : "test");
          },
          [](Repeat const& l) { return fmt::format("{} times", l.times); },
          [](Residual const&) { return std::string("x + f(x)"); },
          [](auto const& join) { return fmt::format("of {} branches", join.branches.size()); }},
      layer.kind);
}

/// \param positions  before the layers; null: not told
std::string describe_all(Sequence const& layers, Positions const* positions, int indent);

std::string describe_branches(std::vector<Sequence> const& branches, Positions const* positions,
                              int indent) {
  std::string text;
  for (std::size_t b = 0; b < branches.size(); ++b) {
    text += fmt::format("{:{}}branch {}{}\n", "", indent, b + 1,
                        branches[b].empty() ? ": the identity" : "");
    text += describe_all(branches[b], positions, indent + 2);
  }
  return text;
}

std::string describe_inside(Layer const& layer, Positions const* positions, int indent) {
  return std::visit(
      Overloaded{[&](Residual const& l) { return describe_all(l.layers, positions, indent); },
                 [&](Repeat const& l) { return describe_all(l.layers, positions, indent); },
                 [&]<class Join>(Join const& join) {
                   if constexpr (requires { join.branches; }) {
                     return describe_branches(join.branches, positions, indent);
                   } else {
                     return std::string();
                   }
                 }},
      layer.kind);
}

std::string describe_all(Sequence const& layers, Positions const* positions, int indent) {
  std::string all;
  Positions flow = positions == nullptr ? Positions() : *positions;
  for (auto const& layer : layers) {
    auto const values = parameters(layer);
    auto const after = positions_after(layer, flow);
    all += fmt::format("{:{}}{}{}{}{}\n", "", indent, layer.name, values.empty() ? "" : "  ",
                       values, after == flow ? "" : "  -> " + text(after));
    all += describe_inside(layer, positions == nullptr ? nullptr : &flow, indent + 2);
    flow = after;
  }
  return all;
}

/// Σ of `weight(layer)` over all layers, inner ones included, those of a `repeat` each time.
template <class Weight>
Index total(Sequence const& layers, Weight const& weight) {
  Index sum = 0;
  for (auto const& layer : layers)
    sum += std::visit(Overloaded{[&](Residual const& l) { return total(l.layers, weight); },
                                 [&](Repeat const& l) { return l.times * total(l.layers, weight); },
                                 [&]<class L>(L const& l) {
                                   if constexpr (requires { l.branches; }) {
                                     Index inner = 0;
                                     for (auto const& branch : l.branches)
                                       inner += total(branch, weight);
                                     return inner;
                                   } else {
                                     return Index{weight(l)};
                                   }
                                 }},
                      layer.kind);
  return sum;
}

}  // namespace

std::string describe(Sequence const& layers, int indent) {
  return describe_all(layers, nullptr, indent);
}

std::string describe(Sequence const& layers, Positions const& positions, int indent) {
  return describe_all(layers, &positions, indent);
}

Index count_weight_layers(Sequence const& layers) {
  return total(layers, []<class L>(L const&) {
    bool const weights = std::is_same_v<L, Dense> || std::is_same_v<L, Conv> ||
                         std::is_same_v<L, Attention> || std::is_same_v<L, Rnn>;
    return weights ? 1 : 0;
  });
}

Index count_activations(Sequence const& layers) {
  return total(layers, []<class L>(L const&) {
    return std::is_same_v<L, Activation> || std::is_same_v<L, Rnn> ? 1 : 0;
  });
}

}  // namespace widelimit::network
