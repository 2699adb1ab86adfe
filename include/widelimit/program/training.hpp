/// \file
/// Training of a network as a program: forward pass, backward pass, optimizer, what is recorded.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "widelimit/network/layers.hpp"
#include "widelimit/network/shapes.hpp"
#include "widelimit/program/parametrization.hpp"
#include "widelimit/program/program.hpp"

namespace widelimit::program {

enum class Loss {
  mse,           ///< Σ ½|f-y|² over outputs, mean over the points of a batch
  cross_entropy  ///< of softmax f against one-hot y; with one output of the sign of f against y = ±1
};

/// w ← w - η·m·v with v ← momentum·v + c·gradient + weight_decay·w, where m is the layer's
/// multiplier, η the step's learning rate and c = min(1, clip/(norm + 1e-6)) of the gradient of all
/// weights together (1 where clip is 0). With `nesterov` the step is along gradient + momentum·v.
/// Of the width depends the gradient's share of η alone (the exponent c), not that of the decay.
struct Optimizer {
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  double clip = 0;
};

/// How the data of a network that reads them in this shape are handed over: as columns, point by
/// point, the positions of a point in row-major order.
struct InputLayout {
  network::Positions positions;  ///< none where the network begins with `flatten`
  Index channels = 1;            ///< fan-in of the first layer, at a position

  Index positions_count() const;
};
InputLayout input_layout(network::Sequence const& network, network::InputShape const& shape);

struct TrainingTask {
  network::Sequence network;  ///< ends with `dense`, the readout, of one column for each output
  InputLayout input;
  /// Rows of the inputs that the run gives: input.channels, or fewer where it gives, instead of X,
  /// an R with RᵀR = XᵀX over all points and positions together, which no result depends on.
  Index input_rows = 1;
  /// Sequences have lengths of their own: positions beyond them count for nothing.
  bool masked = false;
  Index train_points = 1, test_points = 0, outputs = 1;
  Index batch_size = 0;  ///< 0: all points
  Loss loss = Loss::mse;
  Optimizer optimizer;
  /// A preset, or the exponents of each weight tensor in the order of the layers: one of `dense`
  /// and `conv`, U and W of `rnn`, query-and-key, value and output of attention.
  std::variant<Preset, std::vector<Exponents>> parametrization = Preset::mup;
  /// Of the learning rate, for each weight tensor; empty: 1.
  std::vector<double> multipliers = {};
  /// A network of this width; none: the limit of infinite width.
  std::optional<Index> width = {};
};

/// The program of a training run.
///
/// Data, to be given by name (`train_…`; likewise `test_…` where there are test points):
/// `train_inputs` [input_rows, points·positions], `train_targets` [outputs, points], and for each
/// pattern of `aggregate` `train_pattern_NAME` [T, points·T]; of masked sequences `train_lengths`
/// [1, points·T], 1 at the last position of each point, and inputs that are 0 behind it. Schedule: `learning_rate` [1, 1].
/// Batches, in case of a batch size: `batch_…` of these.
///
/// In the limit, the outputs are those of the network minus those of its start, which the limit
/// has as zero (or, in the kernel regime, as a Gaussian process around zero, of which this is the
/// mean). In the kernel regime `start` computes the tangent kernel, and a step moves the outputs
/// alone.
///
/// `dropout` in train mode multiplies by a new mask in every step; what is observed is without.
///
/// Observables: `output` and `loss` of each set, `preactivation`, `feature` and, for each output,
/// `gradient` of each element-wise function on the training points, named `layer_1`, …, and
/// `tangent_kernel` on the training points (learning rate and its schedule left out, multipliers
/// counted; mean over outputs).
struct TrainingProgram {
  Program program;
  Parametrization parametrization;
  Classification classification;
  std::vector<std::string> layers;  ///< names of the recorded layers, from the input on
};

/// Local. Throws InputError: what a program cannot express (the layer, its line), exponents that
/// do not match the layers, in the limit a parametrization that is unstable or trivial (with the
/// reason) or an optimizer that has no limit of the kind.
/// \param file  named in errors
TrainingProgram compile_training(TrainingTask const& task, std::string const& file);

/// The weight tensors of a network, and their exponents.
Parametrization parametrization_of(TrainingTask const& task, std::string const& file);

}  // namespace widelimit::program
