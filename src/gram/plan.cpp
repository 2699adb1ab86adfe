#include "widelimit/gram/plan.hpp"

#include <algorithm>
#include <set>

#include "widelimit/kernels/dual_union.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::gram {
namespace {

/// A value in a register; `width` is its number of channels in units of a weight layer's.
struct Value {
  int reg;
  double width = 1;
};

class Compiler {
 public:
  Plan run(network::Sequence const& network) {
    Value const out = sequence(network, {0}, true);
    plan_.output = out.reg;
    return std::move(plan_);
  }

 private:
  /// \param may_overwrite  whether the input's register is free to be written
  Value sequence(network::Sequence const& layers, Value in, bool may_overwrite) {
    for (network::Layer const& layer : layers) {
      Value const out = std::visit(
          [&](auto const& kind) { return apply(kind, layer.name, in, may_overwrite); }, layer.kind);
      may_overwrite = may_overwrite || out.reg != in.reg;
      in = out;
    }
    return in;
  }

  Value apply(network::Dense const& dense, std::string const& name, Value in, bool may_overwrite) {
    ++plan_.dense_layers;
    return {unary(DenseStage{dense.w_std, dense.b_std}, name, in, may_overwrite), 1};
  }
  Value apply(network::Activation const& function, std::string const& name, Value in,
              bool may_overwrite) {
    ++plan_.element_wise_layers;
    return {unary(DualStage{function}, name, in, may_overwrite), in.width};
  }
  Value apply(network::LayerNorm const& norm, std::string const& name, Value in,
              bool may_overwrite) {
    return {unary(LayerNormStage{norm.eps}, name, in, may_overwrite), in.width};
  }
  Value apply(network::Dropout const& dropout, std::string const& name, Value in,
              bool may_overwrite) {
    if (dropout.mode == network::Dropout::Mode::test) return in;
    return {unary(DropoutStage{dropout.rate}, name, in, may_overwrite), in.width};
  }
  Value apply(network::Repeat const& repeat, std::string const&, Value in, bool may_overwrite) {
    for (int k = 0; k < repeat.times; ++k) {
      Value const out = sequence(repeat.layers, in, may_overwrite);
      may_overwrite = may_overwrite || out.reg != in.reg;
      in = out;
    }
    return in;
  }
  Value apply(network::Residual const& residual, std::string const& name, Value in,
              bool may_overwrite) {
    return join(name, {{}, residual.layers}, in, may_overwrite, Join::sum);
  }
  Value apply(network::Sum const& sum, std::string const& name, Value in, bool may_overwrite) {
    return join(name, sum.branches, in, may_overwrite, Join::sum);
  }
  Value apply(network::Product const& product, std::string const& name, Value in,
              bool may_overwrite) {
    return join(name, product.branches, in, may_overwrite, Join::product);
  }
  Value apply(network::Concat const& concat, std::string const& name, Value in,
              bool may_overwrite) {
    return join(name, concat.branches, in, may_overwrite, Join::concat);
  }

  /// Layers of positions.
  template <class Kind>
  Value apply(Kind const&, std::string const& name, Value, bool) {
    throw InputError("network: Gram matrices of networks with the layer `" + name +
                     "` are not built in this version");
  }

  enum class Join { sum, product, concat };

  Value join(std::string const& name, std::vector<network::Sequence> const& branches, Value in,
             bool may_overwrite, Join how) {
    std::vector<int> sources;
    std::vector<double> widths;
    for (network::Sequence const& branch : branches) {
      Value const out = sequence(branch, in, false);
      sources.push_back(out.reg);
      widths.push_back(out.width);
    }
    // A target of its own: a source that is overwritten while others are still to be added would be
    // lost.
    int const target = allocate();
    std::set<int> const dead(sources.begin(), sources.end());
    for (int const reg : dead) {
      if (reg != in.reg) release(reg);
    }
    if (may_overwrite) release(in.reg);
    double total = 0;
    for (double const width : widths) total += width;
    if (how == Join::product) {
      plan_.stages.push_back({ProductStage{}, sources, target, name});
      return {target, widths.front()};  // all are equally wide
    }
    std::vector<double> weights(sources.size(), 1.0);
    if (how == Join::concat) {
      std::transform(widths.begin(), widths.end(), weights.begin(),
                     [&](double w) { return w / total; });
    }
    plan_.stages.push_back({SumStage{std::move(weights)}, sources, target, name});
    return {target, how == Join::concat ? total : widths.back()};
  }

  template <class Kind>
  int unary(Kind kind, std::string const& name, Value in, bool may_overwrite) {
    int const target = may_overwrite ? in.reg : allocate();
    plan_.stages.push_back({std::move(kind), {in.reg}, target, name});
    return target;
  }

  int allocate() {
    if (!free_.empty()) {
      int const reg = *free_.begin();
      free_.erase(free_.begin());
      return reg;
    }
    return plan_.n_registers++;
  }
  void release(int reg) { free_.insert(reg); }

  Plan plan_;
  std::set<int> free_;
};

}  // namespace

Plan compile(network::Sequence const& network) {
  return Compiler().run(network);
}

Plan compile(network::Sequence const& network, network::InputShape const& shape, bool masked) {
  if (!needs_positions(network, shape)) return compile(network);
  Plan plan;
  plan.positions = position_plan(position_graph(network, shape, masked));
  for (PositionNode const& node : plan.positions->graph.nodes) {
    plan.dense_layers += std::holds_alternative<ConvNode>(node.kind) ? 1 : 0;
    plan.element_wise_layers += std::holds_alternative<DualNode>(node.kind) ? 1 : 0;
  }
  return plan;
}

namespace {

constexpr Index terms_of_automatic_series = 200;

struct CoefficientCount {
  template <class Function>
  Index operator()(Function const& f) const {
    return kernels::DualOf<Function, double>::n_coefficients(f);
  }
  Index operator()(network::Polynomial const& f) const {
    return static_cast<Index>(f.coef.size()) + 1;
  }
  Index operator()(network::Hermite const& f) const { return f.degree + 2; }
  Index operator()(network::Numerical const& f) const {
    return f.points == network::Numerical::automatic ? terms_of_automatic_series + 1
                                                     : 2 + 2 * Index{f.points};
  }
};

}  // namespace

Index coefficients_per_point(Plan const& plan) {
  Index count = 0;
  for (Stage const& stage : plan.stages) {
    if (auto const* dense = std::get_if<DenseStage>(&stage.kind)) {
      count += dense->b_std == 0 ? 0 : 2;
    } else if (auto const* dual = std::get_if<DualStage>(&stage.kind)) {
      count += std::visit(CoefficientCount{}, dual->function);
    } else if (auto const* sum = std::get_if<SumStage>(&stage.kind)) {
      count += static_cast<Index>(sum->weights.size());
    }
  }
  return count;
}

double flops_per_entry(Plan const& plan) {
  if (plan.positions) return flops_per_entry(*plan.positions);
  double flops = 0;
  for (Stage const& stage : plan.stages) {
    if (std::holds_alternative<DenseStage>(stage.kind)) {
      flops += std::get<DenseStage>(stage.kind).b_std == 0 ? 1 : 20;
    } else if (auto const* dual = std::get_if<DualStage>(&stage.kind)) {
      auto const* numerical = std::get_if<network::Numerical>(&dual->function);
      if (numerical == nullptr) {
        flops += 50;
      } else if (numerical->points == network::Numerical::automatic) {
        flops += 4.0 * 100;  // about a hundred terms of the series, or some twenty nodes of a rule
      } else {
        flops += 30.0 * numerical->points * numerical->points;
      }
    } else if (!std::holds_alternative<LayerNormStage>(stage.kind)) {
      flops += 12.0 * static_cast<double>(stage.sources.size());
    }
  }
  return flops;
}

}  // namespace widelimit::gram
