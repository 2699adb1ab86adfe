/// \file
/// The forward pass of a network as instructions.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "widelimit/program/builder.hpp"
#include "widelimit/program/training.hpp"

namespace widelimit::program::detail {

/// What the exponents of a weight tensor make of its start and its updates. Values of programs are
/// the weights that act: n x fan-in vectors of the input, n x n matrices W with hidden layers, and
/// n times the weights of the readout, so that f = Vᵀx/n.
struct Scaling {
  std::optional<Index> width = {};  ///< none: powers of n are 1, or 0 where they vanish
  /// Of the kernel regime: the readout starts at order one and the power of n that it lacks, s,
  /// stands in the rates.
  std::optional<double> readout_power = {};

  double power(double exponent) const;
  /// Deviation of the entries at the start (of matrices, times √n); `g` is that of the layer.
  double sigma(LayerKind kind, Exponents const& e, double g) const;
  /// The factor of -η·gradient in an update, with gradients as programs have them.
  double rate(LayerKind kind, Exponents const& e, double g) const;
};

/// One value that training changes.
struct Parameter {
  Id value = none;
  LayerKind kind = LayerKind::hidden;
  double rate = 0, multiplier = 1;
};

/// One data set, or batch.
struct Inputs {
  Id x = none;
  Index points = 0;
  Id lengths =
      none;  ///< of sequences: 1 x points·T, 1 at the last position of each; none: all whole
  std::map<std::string, Id> patterns = {};
};

/// An element-wise function of the network.
struct Tap {
  std::string layer;
  Id preactivation = none, feature = none;
};

struct Pass {
  Id outputs = none;  ///< outputs x points
  std::vector<Tap> taps = {};
  bool noisy = false;  ///< depends on masks of `dropout`
};

/// What `dropout` in train mode does.
enum class Dropouts {
  off,   ///< nothing, as when a trained network is used
  drawn  ///< multiplies by a mask that each step draws anew
};

/// Writes forward passes; the first one declares the parameters, the others use them.
class NetworkPass {
 public:
  /// All references must outlive the object.
  NetworkPass(Builder& builder, TrainingTask const& task, Index outputs, Scaling const& scaling,
              std::string const& file)
      : b_(builder), task_(task), n_outputs_(outputs), scaling_(scaling), file_(file) {}

  /// Appends a pass to the builder's block.
  Pass run(Inputs const& inputs, Dropouts dropouts = Dropouts::off);

  std::vector<Parameter> const& parameters() const { return parameters_; }
  /// The kind of each weight tensor.
  std::vector<LayerKind> const& tensors() const { return tensors_; }

 private:
  /// What goes from one layer to the next: vectors side by side (a `concat`, a `flatten`), or the
  /// data, each of points·positions columns.
  struct Flow {
    bool raw = false;
    std::vector<Id> parts = {};
    network::Positions positions = {};
    /// For sequences of the lengths 1 … T, the positions that count after the layers so far, the
    /// first ones; what stands at the others is zero. Empty: all count.
    std::vector<Index> counted = {};
  };

  [[noreturn]] void fail(std::string const& message) const;
  Flow walk(network::Sequence const& layers, Flow flow);

  // One for each kind of layer.
  Flow pass(network::Dense const& layer, Flow const& in);
  Flow pass(network::Activation const& layer, Flow const& in);
  Flow pass(network::LayerNorm const& layer, Flow const& in);
  Flow pass(network::Dropout const& layer, Flow const& in);
  Flow pass(network::Residual const& layer, Flow const& in);
  Flow pass(network::Sum const& layer, Flow const& in);
  Flow pass(network::Product const& layer, Flow const& in);
  Flow pass(network::Concat const& layer, Flow const& in);
  Flow pass(network::Repeat const& layer, Flow const& in);
  Flow pass(network::Conv const& layer, Flow const& in);
  Flow local_convolution(network::Conv const& layer, Flow const& in);
  Flow pass(network::Pool const& layer, Flow const& in);
  Flow pass(network::GlobalPool const& layer, Flow const& in);
  Flow pass(network::Flatten const& layer, Flow const& in);
  Flow pass(network::Attention const& layer, Flow const& in);
  Flow pass(network::Aggregate const& layer, Flow const& in);
  Flow pass(network::Rnn const& layer, Flow const& in);
  Id readout(network::Dense const& layer, Flow const& in);

  /// Begins a weight tensor whose input is raw or not; its parameters follow.
  void begin_tensor(LayerKind kind);
  /// The next parameter of the tensor, of deviation `g` at a width where exponents do not count.
  Parameter const& weights(std::string const& name, double g);
  /// Σ over parts of W_part·x_part, W_part of deviation g/√parts; `raw` uses the data's channels.
  Id weighted_sum(Flow const& in, double g);
  /// W x for one part, W the next parameter.
  Id weighted(bool raw, Id x, double g);
  /// The next parameter: weights of constant inputs, with the exponents of the first layer.
  Id constant_weights(std::string const& name, Index columns, double g);
  Id with_bias(Id x, double b_std);
  /// The embeddings of positions, points·positions columns, one for each part.
  std::vector<Id> embeddings(network::Attention const& layer, Flow const& in);
  Flow embedded(network::Attention const& layer, Flow const& in);
  Id attention_weights(network::Attention const& layer, Flow const& in, Id products);
  Id add_all(std::vector<Id> const& values);
  Id map(bool raw, Id x, SharedColumnMap const& columns);
  Flow mapped(Flow const& in, SharedColumnMap const& columns, network::Positions positions);

  // Sequences of unequal length.

  /// A number for each of `positions` of each point, 1 x points·positions, by the length of the
  /// sequence in the data, counted from 0, and the position.
  Id by_length(Index positions, std::function<double(std::size_t, Index)> const& value);
  /// 1 at the positions that count, 0 at the others.
  Id mask(Flow const& flow);
  /// The inverse of how many positions of a point count, 1 x points.
  Id one_over_counted(Flow const& flow);
  /// Zero where positions do not count.
  Flow masked(Flow flow);
  Flow times(Flow flow, Id factors);

  Index count(network::Positions const& positions) const;
  Index points() const { return inputs_->points; }

  Builder& b_;
  TrainingTask const& task_;
  Index n_outputs_;
  Scaling const& scaling_;
  std::string const& file_;

  std::vector<Parameter> parameters_;
  std::vector<LayerKind> tensors_;
  // of the pass that is being written
  Inputs const* inputs_ = nullptr;
  Dropouts dropouts_ = Dropouts::off;
  Pass pass_;
  std::size_t n_parameters_ = 0, n_tensors_ = 0;
  int line_ = 0;
};

}  // namespace widelimit::program::detail
