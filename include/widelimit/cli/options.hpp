/// \file
/// What an input file says, as plain data: one struct for each section, defaults beside the fields.
#pragma once

#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "widelimit/gram/input_scaling.hpp"
#include "widelimit/interpreter/executor.hpp"
#include "widelimit/program/training.hpp"
#include "widelimit/regression/ridge.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::cli {

/// One set of points with their targets, in an HDF5 file.
struct DataSetOptions {
  std::string file;     ///< path, relative ones already joined to the input file's folder
  std::string inputs;   ///< data set of the inputs, [N, D], [N, T, C] or [N, H, W, C]
  std::string targets;  ///< data set of the targets, [N] or [N, C]; empty: none
  /// All rows; a half-open range of them; or the path of a data set of row numbers in `file`.
  std::variant<std::monostate, Range, std::string> rows;
  std::string lengths;  ///< data set of the lengths of sequences, [N]; empty: all are whole
  /// Data sets of the graphs of each name, [N, T, T], or [T, T] for all points.
  std::map<std::string, std::string> patterns;
};

using gram::InputScaling;

enum class TargetEncoding {
  none,            ///< real targets as they are
  one_hot,         ///< integer labels as 1 and 0
  one_hot_centred  ///< integer labels as 1 - 1/C and -1/C
};

struct DataOptions {
  DataSetOptions train;
  std::optional<DataSetOptions> test;
  InputScaling inputs = InputScaling::none;  ///< its statistics come from `train` alone
  double zca_epsilon = 1e-4;  ///< added to the covariance, in units of its mean eigenvalue
  TargetEncoding targets = TargetEncoding::none;
};

struct GramOptions {
  enum class Triangle { full, lower };
  bool nngp = true;                    ///< store K
  bool ntk = true;                     ///< store Θ
  Triangle triangle = Triangle::full;  ///< lower: above the diagonal nothing is stored
};

/// Of the solver `pcg`.
struct PreconditionerOptions {
  enum class Type { nystrom, pivoted_cholesky, none };
  static constexpr Index automatic = 0;
  Type type = Type::nystrom;
  Index rank = automatic;      ///< columns; automatic: 1000, or a tenth of the points
  std::optional<Index> block;  ///< points of a block of the remainder, 0: none; automatic without
};

struct RegressionOptions {
  enum class Kernel {
    ntk,   ///< the mean of trained networks (an ensemble, for the posterior)
    nngp,  ///< inference with K
    ntkgp  ///< inference with Θ in the place of K
  };
  enum class Solver { automatic, cholesky, pcg };
  enum class Gram {
    automatic,
    stored,      ///< in the memory of the ranks
    file,        ///< in the checkpoint, read tile by tile for each product
    recomputed,  ///< tile by tile for each product, and dropped
  };
  enum class Duplicates { warn, stop };
  enum class Posterior { mean, variance, covariance };
  Kernel kernel = Kernel::ntk;
  Solver solver = Solver::automatic;
  regression::Ridge ridge;
  double tolerance = 1e-6;      ///< of the relative residual, where the solver iterates
  Index max_iterations = 1000;  ///< where the solver iterates
  PreconditionerOptions preconditioner;
  Gram gram = Gram::automatic;
  Duplicates duplicates = Duplicates::warn;  ///< equal points without a ridge, where one iterates
  Posterior posterior = Posterior::mean;     ///< what is computed of the predictions on test data
  std::vector<Index> samples;  ///< sizes of training sets (the first rows), ascending, whose test
                               ///< errors are wanted
};

/// How the function is trained: by gradient flow, or in steps.
struct TrainingOptions {
  enum class Type {
    flow,  ///< of infinitely small steps
    gd,    ///< all points in each step
    sgd    ///< batches
  };
  enum class Towards { initial, zero };
  Type type = Type::flow;
  double learning_rate = 1;
  std::optional<double> momentum;  ///< none: plain gradient steps, or flow of first order
  bool nesterov = false;
  double weight_decay = 0;
  Towards decay_towards = Towards::initial;
  Index batch_size = 32;
  Index seed = 1;       ///< of the order of batches
  std::string batches;  ///< data set of the order of batches in `batches_file`; empty: drawn
  std::string batches_file;
};

/// Outputs before training, where they are not zero.
struct InitialOptions {
  std::string file, train, test;
};

struct DynamicsOptions {
  enum class Kernel { ntk, nngp };
  enum class Loss { mse, cross_entropy };
  enum class Average {
    points,  ///< L = Σ_i ℓ_i/N, ℓ summed over the outputs
    entries  ///< L = Σ_i ℓ_i/(N·C), as neural-tangents
  };
  enum class Method {
    automatic,
    eigen,   ///< eigenvectors of the stored kernel
    krylov,  ///< Lanczos on products with the kernel
    ode      ///< an adaptive solver on products with the kernel
  };
  Kernel kernel = Kernel::ntk;
  Loss loss = Loss::mse;
  Average average = Average::points;
  TrainingOptions optimizer;
  std::vector<double> times{0, std::numeric_limits<double>::infinity()};  ///< of flow; ascending
  std::vector<Index> steps{0, 1, 2, 5, 10, 20, 50, 100};                  ///< of gd, sgd; ascending
  bool ensemble = false;
  regression::Ridge ridge;
  std::optional<InitialOptions> initial;
  Method method = Method::automatic;  ///< of flow
  RegressionOptions::Gram gram = RegressionOptions::Gram::automatic;
  double tolerance = 1e-6;  ///< of the methods krylov and ode
};

struct SpectrumOptions {
  enum class Kernel { ntk, nngp };
  enum class Method {
    automatic,
    dense,  ///< all eigenvectors of the stored kernel, of which the leading ones are kept
    krylov  ///< the leading ones, by products with the kernel
  };
  Kernel kernel = Kernel::ntk;
  Index count = 20;      ///< of eigenvalues that are kept
  bool vectors = false;  ///< whether the eigenvectors are kept
  Method method = Method::automatic;
  RegressionOptions::Gram gram = RegressionOptions::Gram::automatic;  ///< of krylov
  double tolerance = 1e-8;     ///< of ‖K·v - κ·v‖/κ₁, of krylov
  Index max_products = 1000;   ///< of blocks of columns, of krylov
  regression::Ridge ridge;     ///< of the effective dimension and the learning curve
  std::vector<Index> samples;  ///< sizes of training sets of the learning curve; empty: automatic
};

/// Training of a network as a tensor program.
struct ProgramOptions {
  enum class Decay { constant, linear, cosine };
  static constexpr Index all_points = 0;

  std::variant<program::Preset, std::vector<program::Exponents>> parametrization =
      program::Preset::mup;
  program::Optimizer optimizer;
  double learning_rate = 0;
  Decay decay = Decay::constant;    ///< of the learning rate, to zero after the last step
  std::vector<double> multipliers;  ///< of the learning rate, by weight layer; empty: 1
  program::Loss loss = program::Loss::mse;
  Index batch_size = all_points;
  Index steps = 0;
  Index particles = 0;  ///< of the limit; of a finite network its width
  interpreter::Representation representation = interpreter::Representation::automatic;
  double tolerance = 1e-6;
  bool moment_matching = true;
  bool extrapolate = false;  ///< a second set of runs with half the particles
  Index replicates = 1;
  Index seed = 0;
  std::vector<Index> kernels_at, densities_at, alignment_at;  ///< steps, ascending
};
/// Particles that stand for the limit of infinite width.
struct LimitOptions : ProgramOptions {};
/// A network of finite width, as it is.
struct FiniteOptions : ProgramOptions {};

/// Every job that is built; the section `job` with its `type`.
using Job = std::variant<GramOptions, RegressionOptions, DynamicsOptions, SpectrumOptions,
                         LimitOptions, FiniteOptions>;

struct ResourceOptions {
  static constexpr Index automatic = 0;
  Index memory_per_rank_bytes = automatic;  ///< automatic: what the machine has free
  Index tile = automatic;                   ///< points on each side of a tile of a Gram matrix
};

struct CheckpointOptions {
  enum class OnCorrupt {
    stop,      ///< a damaged checkpoint is an error
    recompute  ///< what is damaged is computed again
  };
  bool enabled = true;  ///< `checkpoint: none` turns it off
  std::string file;     ///< empty: named after the output, see `checkpoint_path`
  std::chrono::duration<double> every = std::chrono::minutes(10);
  OnCorrupt on_corrupt = OnCorrupt::stop;
};

struct OutputOptions {
  std::string file;  ///< results; left out of the file: JOB.results.h5 beside JOB.yaml
};

/// Where the checkpoint of a run lies that writes to `output_file`: what the input file says, or
/// RESULTS.checkpoint.h5 beside RESULTS.h5.
std::string checkpoint_path(CheckpointOptions const& checkpoint, std::string const& output_file);

}  // namespace widelimit::cli
