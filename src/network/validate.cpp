#include "widelimit/network/validate.hpp"

#include <algorithm>

#include "widelimit/runtime/error.hpp"

#include "overloaded.hpp"
#include "quoted.hpp"

namespace widelimit::network {
namespace {

using detail::Overloaded;
using detail::quoted;

/// A larger eps leaves a variance visibly below 1 for ordinary data.
constexpr double max_eps_for_hermite = 1e-6;

/// What is known of the values between two layers.
struct Flow {
  bool raw = true;              ///< the data as they are
  bool gaussian = false;        ///< Gaussian in the limit, given what came before
  bool unit_variance = false;   ///< straight after `layer_norm`
  Layer const* last = nullptr;  ///< the layer that made them; null: none did
  bool operator==(Flow const&) const = default;
};

std::string source(Flow const& flow) {
  return flow.last == nullptr ? "the raw input" : quoted(*flow.last);
}

bool passes_through(Sequence const& layers);

/// Whether a path without a weight layer leads through a layer.
bool passes_through(Layer const& layer) {
  return std::visit(
      Overloaded{[](Dense const&) { return false; }, [](Conv const&) { return false; },
                 [](Attention const&) { return false; }, [](Rnn const&) { return false; },
                 [](Repeat const& l) { return passes_through(l.layers); },
                 []<class L>(L const& l) {
                   if constexpr (requires { l.branches; })
                     return std::any_of(l.branches.begin(), l.branches.end(),
                                        [](Sequence const& b) { return passes_through(b); });
                   else
                     return true;  // of x, changed or not; x of x + f(x)
                 }},
      layer.kind);
}

bool passes_through(Sequence const& layers) {
  return std::all_of(layers.begin(), layers.end(),
                     [](Layer const& layer) { return passes_through(layer); });
}

class Validator {
 public:
  explicit Validator(std::string const& file) : file_(file) {}

  Flow walk(Sequence const& layers, Flow flow) const {
    for (auto const& layer : layers) flow = through(layer, flow);
    return flow;
  }

  [[noreturn]] void fail(int line, std::string const& message) const {
    throw InputError({file_, line, "network"}, message);
  }

 private:
  Flow through(Layer const& layer, Flow const& in) const {
    Flow out = std::visit([&](auto const& kind) { return pass(layer, kind, in); }, layer.kind);
    out.last = std::holds_alternative<Repeat>(layer.kind) ? out.last : &layer;
    return out;
  }

  Flow pass(Layer const&, Dense const&, Flow const&) const {
    return {.raw = false, .gaussian = true};
  }

  Flow pass(Layer const&, Conv const&, Flow const&) const {
    return {.raw = false, .gaussian = true};
  }

  Flow pass(Layer const& layer, Attention const& attention, Flow const& in) const {
    if (attention.n_chan_pos_emb && !in.raw)
      fail(layer.line,
           "n_chan_pos_emb of " + quoted(layer) + " counts against the channels of " +
               "the data, but stands after " + source(in) +
               ", whose width is infinite; leave it out: the embedding is then as wide");
    return {.raw = false, .gaussian = true};
  }

  Flow pass(Layer const& layer, Rnn const& rnn, Flow const&) const {
    if (std::holds_alternative<Hermite>(rnn.activation))
      fail(layer.line,
           quoted(layer) + " cannot have the activation `hermite`, which needs unit " + "variance");
    return {.raw = false};
  }

  // Sums of Gaussians, or of raw inputs, over positions.
  static Flow mixed(Flow const& in) { return {.raw = in.raw, .gaussian = in.gaussian}; }
  Flow pass(Layer const&, Pool const&, Flow const& in) const { return mixed(in); }
  Flow pass(Layer const&, GlobalPool const&, Flow const& in) const { return mixed(in); }
  Flow pass(Layer const&, Aggregate const&, Flow const& in) const { return mixed(in); }

  Flow pass(Layer const&, Flatten const&, Flow const& in) const { return {.raw = in.raw}; }

  Flow pass(Layer const& layer, Activation const& activation, Flow const& in) const {
    need_gaussian(layer, in);
    if (std::holds_alternative<Hermite>(activation) && !in.unit_variance)
      fail(layer.line, quoted(layer) + " needs an input of unit variance, but stands after " +
                           source(in) +
                           "; put `layer_norm` with an eps of at most 1e-6, over the " +
                           "channel axis, straight before it");
    return {.raw = false};
  }

  Flow pass(Layer const& layer, LayerNorm const& norm, Flow const& in) const {
    need_gaussian(layer, in);
    return {
        .raw = false,
        .gaussian = true,
        .unit_variance = norm.eps <= max_eps_for_hermite && norm.axes == LayerNorm::Axes::channel};
  }

  Flow pass(Layer const& layer, Dropout const& dropout, Flow const& in) const {
    if (in.raw)
      fail(layer.line, quoted(layer) + " stands on the raw input; put a weight layer such as " +
                           "`dense` before it");
    return dropout.mode == Dropout::Mode::test ? in : Flow{.raw = false};
  }

  Flow pass(Layer const& layer, Residual const& residual, Flow const& in) const {
    if (!in.gaussian)
      fail(layer.line, quoted(layer) + " adds its input, which must be Gaussian, but " +
                           source(in) + " is not; put a weight layer such as `dense` before it");
    auto const f = walk(residual.layers, in);
    need_gaussian_branch(layer, f, "its inner layers");
    if (passes_through(residual.layers))
      fail(layer.line, "the inner layers of " + quoted(layer) + " pass on " + source(in) +
                           " without a weight layer, so that the two terms of x + f(x) are not "
                           "independent; put a weight layer such as `dense` among them");
    return {.raw = false, .gaussian = true};
  }

  Flow pass(Layer const& layer, Sum const& sum, Flow const& in) const {
    for (std::size_t b = 0; b < sum.branches.size(); ++b)
      need_gaussian_branch(layer, walk(sum.branches[b], in), "branch " + std::to_string(b + 1));
    need_independent(layer, sum.branches, in);
    return {.raw = false, .gaussian = true};
  }

  Flow pass(Layer const& layer, Product const& product, Flow const& in) const {
    refuse_raw(layer, product.branches, in);
    need_independent(layer, product.branches, in);
    return {.raw = false};
  }

  Flow pass(Layer const& layer, Concat const& concat, Flow const& in) const {
    refuse_raw(layer, concat.branches, in);
    return {.raw = false};
  }

  Flow pass(Layer const&, Repeat const& repeat, Flow const& in) const {
    // What goes in the second time differs from the first; soon nothing changes any more.
    constexpr int enough = 100;
    Flow flow = in;
    for (int i = 0; i < std::min(repeat.times, enough); ++i) {
      auto const next = walk(repeat.layers, flow);
      if (next == flow) break;
      flow = next;
    }
    return flow;
  }

  void need_gaussian(Layer const& layer, Flow const& in) const {
    if (in.gaussian) return;
    fail(layer.line,
         quoted(layer) + " needs a Gaussian input, but stands " +
             (in.last == nullptr ? "on " : "after ") + source(in) +
             ", which is not Gaussian; put a weight layer such as `dense` between them");
  }

  void need_gaussian_branch(Layer const& layer, Flow const& out, std::string const& which) const {
    if (out.gaussian) return;
    fail(layer.line, quoted(layer) + " adds Gaussian branches, but " + which +
                         (out.last == nullptr ? " passes on " : " ends with ") + source(out) +
                         ", which is not Gaussian; end it with a weight layer such as `dense`");
  }

  void refuse_raw(Layer const& layer, std::vector<Sequence> const& branches, Flow const& in) const {
    for (std::size_t b = 0; b < branches.size(); ++b)
      if (walk(branches[b], in).raw)
        fail(layer.line, "branch " + std::to_string(b + 1) + " of " + quoted(layer) +
                             " passes on the raw input, which has the width of the data; put a " +
                             "weight layer such as `dense` into it");
  }

  void need_independent(Layer const& layer, std::vector<Sequence> const& branches,
                        Flow const& in) const {
    int first = 0;
    for (int b = 1; b <= static_cast<int>(branches.size()); ++b) {
      if (!passes_through(branches[static_cast<std::size_t>(b - 1)])) continue;
      if (first > 0)
        fail(layer.line, "branches " + std::to_string(first) + " and " + std::to_string(b) +
                             " of " + quoted(layer) + " both pass on " + source(in) +
                             " without a weight " +
                             "layer, so that they are not independent; put a weight layer such as "
                             "`dense` into one of them");
      first = b;
    }
  }

  std::string const& file_;
};

}  // namespace

void validate(Sequence const& network, std::string const& file) {
  Validator const validator(file);
  if (validator.walk(network, {}).raw)
    validator.fail(network.empty() ? 0 : network.front().line,
                   "the network has no weight layer such as `dense`, so that there is nothing to "
                   "train");
}

}  // namespace widelimit::network
