#include "widelimit/network/shapes.hpp"

#include <algorithm>
#include <numeric>

#include <spdlog/fmt/fmt.h>

#include "widelimit/io/spelling.hpp"
#include "widelimit/runtime/error.hpp"

#include "overloaded.hpp"
#include "quoted.hpp"

namespace widelimit::network {
namespace {

using detail::Overloaded;
using detail::quoted;

/// Repeated `conv_transpose` would go on for ever.
constexpr Index most_positions = Index{1} << 24;

/// A shape and the layer that made it; null: the data.
struct Traced {
  Shape shape;
  Layer const* last = nullptr;
};

/// "the 4 positions of axis 1".
std::string along(Positions const& positions, std::size_t axis) {
  return fmt::format("the {} position{} of axis {}", positions[axis],
                     positions[axis] == 1 ? "" : "s", axis + 1);
}

class Tracer {
 public:
  Tracer(InputShape const& input, std::string const& file) : input_(input), file_(file) {}

  /// Follows the first positions of a sequence of which only so many count.
  Tracer for_length(Index length) const {
    Tracer copy = *this;
    copy.length_ = length;
    return copy;
  }

  Traced walk(Sequence const& layers, Traced flow) const {
    for (auto const& layer : layers) {
      bool const is_repeat = std::holds_alternative<Repeat>(layer.kind);
      flow = std::visit([&](auto const& kind) { return pass(layer, kind, flow); }, layer.kind);
      if (!is_repeat) flow.last = &layer;
    }
    return flow;
  }

  [[noreturn]] void fail(int line, std::string const& message) const {
    throw InputError({file_, line, "network"},
                     message + (length_ > 0 ? fmt::format(" (in a sequence of length {}, "
                                                          "data.*.lengths)",
                                                          length_)
                                            : ""));
  }

  std::string source(Traced const& flow) const {
    return flow.last == nullptr ? "the data" : quoted(*flow.last);
  }

 private:
  // Layers that leave positions as they are.
  Traced pass(Layer const&, Dense const&, Traced const& in) const {
    return {{in.shape.positions, 1}};
  }
  Traced pass(Layer const&, Activation const&, Traced const& in) const { return in; }
  Traced pass(Layer const&, LayerNorm const&, Traced const& in) const { return in; }
  Traced pass(Layer const&, Dropout const&, Traced const& in) const { return in; }

  Traced pass(Layer const& layer, Conv const& conv, Traced const& in) const {
    need_positions(layer, in);
    need_axes(layer, "filter", conv.filter, in);
    need_axes(layer, "strides", conv.strides, in);
    refuse_circular(layer, conv.padding);
    Positions const after = positions_after(layer, in.shape.positions);
    need_some(layer, "filter", conv.filter, in, after);
    return {{after, 1}};
  }

  Traced pass(Layer const& layer, Pool const& pool, Traced const& in) const {
    need_positions(layer, in);
    need_axes(layer, "window", pool.window, in);
    need_axes(layer, "strides", pool.strides, in);
    refuse_circular(layer, pool.padding);
    Positions const after = positions_after(layer, in.shape.positions);
    need_some(layer, "window", pool.window, in, after);
    return {{after, in.shape.width}};
  }

  Traced pass(Layer const& layer, GlobalPool const&, Traced const& in) const {
    need_positions(layer, in);
    return {{{}, in.shape.width}};
  }

  Traced pass(Layer const&, Flatten const&, Traced const& in) const {
    double width = in.shape.width;
    for (Index const length : in.shape.positions) width *= static_cast<double>(length);
    return {{{}, width}};
  }

  Traced pass(Layer const& layer, Attention const&, Traced const& in) const {
    need_positions(layer, in);
    return {{in.shape.positions, 1}};
  }

  Traced pass(Layer const& layer, Rnn const& rnn, Traced const& in) const {
    need_sequence(layer, in);
    if (rnn.returns == Rnn::Return::last) return {{{}, 1}};
    return {{in.shape.positions, 1}};
  }

  Traced pass(Layer const& layer, Aggregate const& aggregate, Traced const& in) const {
    need_sequence(layer, in);
    auto const found = input_.patterns.find(aggregate.pattern);
    if (found == input_.patterns.end()) {
      std::vector<std::string_view> names;
      for (auto const& [name, nodes] : input_.patterns) names.push_back(name);
      fail(layer.line,
           fmt::format("{} takes the pattern `{}`, which the data do not have{}{}; name "
                       "it under data.train.patterns",
                       quoted(layer), aggregate.pattern, io::suggestion(aggregate.pattern, names),
                       names.empty() ? "" : " (patterns: " + io::join(names) + ")"));
    }
    if (length_ == 0 && found->second != in.shape.positions[0])
      fail(layer.line, fmt::format("{} takes the pattern `{}` of {} nodes, but {} leaves {}; they "
                                   "must agree",
                                   quoted(layer), aggregate.pattern, found->second, source(in),
                                   text(in.shape.positions)));
    return in;
  }

  Traced pass(Layer const& layer, Residual const& residual, Traced const& in) const {
    auto const f = walk(residual.layers, in);
    need_equal_positions(layer, "x", in, "f(x)", f);
    return {{in.shape.positions, 1}};
  }

  Traced pass(Layer const& layer, Sum const& sum, Traced const& in) const {
    return {{joined(layer, sum.branches, in).front().shape.positions, 1}};
  }

  Traced pass(Layer const& layer, Product const& product, Traced const& in) const {
    auto const outs = joined(layer, product.branches, in);
    for (std::size_t b = 1; b < outs.size(); ++b)
      if (outs[b].shape.width != outs[0].shape.width)
        fail(
            layer.line,
            fmt::format("the branches of {} have unequal widths: branch 1 ends with {}, branch {} "
                        "with {}, in widths of a weight layer {:g} and {:g} (a `concat` is as wide "
                        "as its branches together, `flatten` multiplies by the positions); end "
                        "such a branch with a weight layer",
                        quoted(layer), source(outs[0]), b + 1, source(outs[b]), outs[0].shape.width,
                        outs[b].shape.width));
    return outs.front();
  }

  Traced pass(Layer const& layer, Concat const& concat, Traced const& in) const {
    auto const outs = joined(layer, concat.branches, in);
    double width = 0;
    for (auto const& out : outs) width += out.shape.width;
    return {{outs.front().shape.positions, width}};
  }

  Traced pass(Layer const&, Repeat const& repeat, Traced const& in) const {
    Traced flow = in;
    for (int i = 0; i < repeat.times; ++i) {
      auto const next = walk(repeat.layers, flow);
      bool const settled = i > 0 && next.shape == flow.shape;
      flow = next;
      if (settled) break;
    }
    return flow;
  }

  void need_positions(Layer const& layer, Traced const& in) const {
    if (!in.shape.positions.empty()) return;
    if (in.last == nullptr)
      fail(layer.line, quoted(layer) +
                           " works on positions, but the data are vectors, [N, D]; give sequences "
                           "[N, T, C] or images [N, H, W, C] (tools/convert.py --shape image keeps "
                           "images as they are)");
    fail(layer.line, quoted(layer) + " works on positions, but " + source(in) +
                         " leaves none; put it before that layer");
  }

  void need_sequence(Layer const& layer, Traced const& in) const {
    need_positions(layer, in);
    if (in.shape.positions.size() == 1) return;
    fail(layer.line,
         fmt::format("{} works on sequences, [N, T, C], but {} {} {}", quoted(layer), source(in),
                     in.last == nullptr ? "have" : "leaves", text(in.shape.positions)));
  }

  void refuse_circular(Layer const& layer, Padding padding) const {
    if (length_ > 0 && padding == Padding::circular)
      fail(layer.line, quoted(layer) +
                           " has circular padding, which goes round sequences of the "
                           "whole length only; use padding: same");
  }

  void need_axes(Layer const& layer, char const* key, PerAxis const& numbers,
                 Traced const& in) const {
    if (numbers.size() == 1 || numbers.size() == in.shape.positions.size()) return;
    fail(layer.line,
         fmt::format("{} of {} has {} numbers, [{}], but {} {} {}; give one number, or "
                     "one for each axis",
                     key, quoted(layer), numbers.size(), fmt::join(numbers, ", "), source(in),
                     in.last == nullptr ? "have" : "leaves", text(in.shape.positions)));
  }

  void need_some(Layer const& layer, char const* key, PerAxis const& sizes, Traced const& in,
                 Positions const& after) const {
    double all = 1;
    for (std::size_t axis = 0; axis < after.size(); ++axis) {
      all *= static_cast<double>(after[axis]);
      if (after[axis] > 0) continue;
      fail(layer.line,
           fmt::format("{} leaves no positions: its {} of {} is longer than {}, which {} "
                       "{}; use padding: same, or a smaller {}",
                       quoted(layer), key, of_axis(sizes, axis), along(in.shape.positions, axis),
                       source(in), in.last == nullptr ? "have" : "leaves", key));
    }
    if (all > static_cast<double>(most_positions))
      fail(layer.line, fmt::format("{} makes {} of {}, more than can be computed with",
                                   quoted(layer), text(after), text(in.shape.positions)));
  }

  void need_equal_positions(Layer const& layer, std::string const& first, Traced const& a,
                            std::string const& second, Traced const& b) const {
    if (a.shape.positions == b.shape.positions) return;
    auto const end = [&](Traced const& flow) {
      return flow.last == nullptr ? " (the data as they are)" : ", made by " + source(flow) + ",";
    };
    fail(layer.line, fmt::format("the branches of {} do not join: {}{} has {}, but {}{} has {}; "
                                 "make them equal by strides and padding",
                                 quoted(layer), first, end(a), text(a.shape.positions), second,
                                 end(b), text(b.shape.positions)));
  }

  std::vector<Traced> joined(Layer const& layer, std::vector<Sequence> const& branches,
                             Traced const& in) const {
    std::vector<Traced> outs;
    for (auto const& branch : branches) {
      outs.push_back(walk(branch, in));
      need_equal_positions(layer, "branch 1", outs.front(), fmt::format("branch {}", outs.size()),
                           outs.back());
    }
    return outs;
  }

  InputShape const& input_;
  std::string const& file_;
  Index length_ = 0;
};

template <class Windows>
Positions map_axes(Positions const& before, PerAxis const& sizes, PerAxis const& strides,
                   Windows const& windows) {
  Positions after;
  for (std::size_t axis = 0; axis < before.size(); ++axis)
    after.push_back(windows(before[axis], of_axis(sizes, axis), of_axis(strides, axis)).count);
  return after;
}

}  // namespace

AxisWindows axis_windows(Index positions, Index size, Index stride, Padding padding) {
  if (padding == Padding::valid) {
    if (positions < size) return {0, 0};
    return {(positions - size) / stride + 1, 0};
  }
  Index const count = (positions + stride - 1) / stride;
  return {count, std::max<Index>((count - 1) * stride + size - positions, 0) / 2};
}

AxisWindows transposed_windows(Index positions, Index size, Index stride, Padding padding) {
  Index const excess = std::max<Index>(size - stride, 0);
  Index const same = positions * stride;
  if (padding == Padding::valid) return {same + excess, size - 1};
  return {same, size - 1 - excess / 2};  // what is too many is cut, or wrapped, on both sides
}

Positions positions_after(Layer const& layer, Positions const& before) {
  return std::visit(
      Overloaded{
          [&](Conv const& conv) {
            bool const transposed = conv.weights == Conv::Weights::transposed;
            return map_axes(before, conv.filter, conv.strides,
                            [&](Index n, Index size, Index stride) {
                              return transposed ? transposed_windows(n, size, stride, conv.padding)
                                                : axis_windows(n, size, stride, conv.padding);
                            });
          },
          [&](Pool const& pool) {
            return map_axes(before, pool.window, pool.strides,
                            [&](Index n, Index size, Index stride) {
                              return axis_windows(n, size, stride, pool.padding);
                            });
          },
          [](GlobalPool const&) { return Positions(); }, [](Flatten const&) { return Positions(); },
          [&](Rnn const& rnn) { return rnn.returns == Rnn::Return::last ? Positions() : before; },
          [&](Sum const& sum) { return positions_after(sum.branches.front(), before); },
          [&](Product const& product) { return positions_after(product.branches.front(), before); },
          [&](Concat const& concat) { return positions_after(concat.branches.front(), before); },
          [&](Repeat const& repeat) {
            Positions flow = before;
            for (int i = 0; i < repeat.times; ++i) {
              auto const next = positions_after(repeat.layers, flow);
              if (next == flow) break;
              flow = next;
            }
            return flow;
          },
          [&](auto const&) { return before; }},
      layer.kind);
}

Positions positions_after(Sequence const& layers, Positions before) {
  for (auto const& layer : layers) before = positions_after(layer, before);
  return before;
}

std::string text(Positions const& positions) {
  if (positions.empty()) return "no positions";
  return fmt::format("{} position{}", fmt::join(positions, " x "),
                     positions == Positions{1} ? "" : "s");
}

Shape infer_shapes(Sequence const& network, InputShape const& input, std::string const& file) {
  Tracer const tracer(input, file);
  auto const out = tracer.walk(network, {{input.positions, 1}});
  for (Index const length : input.lengths) tracer.for_length(length).walk(network, {{{length}, 1}});
  if (out.shape.positions.empty()) return out.shape;
  auto const* const last = network.empty() ? nullptr : &network.back();
  std::string const end = last == nullptr ? "" : quoted(*last);
  bool const untouched = out.shape.positions == input.positions;
  tracer.fail(last == nullptr ? 0 : last->line,
              fmt::format("the network ends with {} and still has {}{}; put `flatten` or "
                          "`global_avg_pool` before its last `dense`{}",
                          end, text(out.shape.positions), untouched ? ", those of the data" : "",
                          untouched ? " (for a perceptron: `flatten` first, or vectors [N, D], "
                                      "which tools/convert.py --shape flat makes)"
                                    : ""));
}

}  // namespace widelimit::network
