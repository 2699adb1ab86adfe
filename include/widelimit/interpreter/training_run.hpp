/// \file
/// A training run of a program, step by step, and what is recorded of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "widelimit/interpreter/executor.hpp"

namespace widelimit::interpreter {

/// An array of results, row-major.
struct RecordedArray {
  std::vector<Index> shape;
  std::vector<std::string> dimensions;  ///< names, as ArrayLayout wants them
  std::vector<double> values;
};
/// By path below /limit.
using Record = std::map<std::string, RecordedArray>;

/// What a run does at which step. Steps count the updates that were made before.
struct TrainingSchedule {
  std::vector<double> learning_rates;       ///< one for each step
  std::vector<std::vector<Index>> batches;  ///< points of each step; empty: all points every time
  std::vector<Index> kernels_at;            ///< kernels between these steps are recorded; ascending
  std::vector<Index> densities_at;          ///< densities of preactivations; ascending
  std::vector<Index> alignment_at;          ///< alignment of kernels with the targets; ascending

  Index steps() const { return static_cast<Index>(learning_rates.size()); }
};

/// One run of a program with one seed. Records, by observable of the program:
///
/// - `train`, `test` [steps + 1, points, outputs], `loss`, `test_loss` [steps + 1]
/// - `feature_kernel/LAYER`, `gradient_kernel/LAYER` [R, columns, R, columns] between the R steps of
///   `kernels_at`, `tangent_kernel` [R, points, points]
/// - with several outputs, `gradient_kernel/LAYER/OUTPUT`
/// - `density/LAYER` [D, columns, bins], and the bins' edges in units of the root mean square of the
///   preactivations at each of the D steps, `density_scale/LAYER` [D]; columns of positions beyond
///   the length of a sequence hold zeros
/// - `alignment/tangent`, `alignment/feature/LAYER` [A]: <K, Y·Yᵀ>/(|K||Y·Yᵀ|), Y the targets
/// - `observable/NAME` [steps + 1, rows, columns] of what else a program names
///
/// All functions are collective unless said otherwise. Not copied.
template <class Real>
class TrainingRun {
 public:
  static constexpr Index density_bins = 120;
  static constexpr double density_reach = 6;  ///< in units of the root mean square

  /// \param program   must outlive the run
  /// \param targets   outputs x points, for alignments; empty: none
  TrainingRun(program::Program const& program, Particles const& particles,
              ExecutorOptions const& options, NamedScalars const& data,
              TrainingSchedule const& schedule, Small targets);

  /// Updates made so far. Local.
  Index step() const { return step_; }
  /// Whether all steps are made and recorded. Local.
  bool finished() const { return finished_; }
  /// Records the state and, unless it is the last, makes a step. Throws NotFinite; InputError where
  /// the loss grows without bound.
  void advance();
  /// Of a finished run.
  Record record();
  /// The last recorded loss on the training points; 0 where a program records none. Local.
  double last_loss() const { return last_loss_; }
  Executor<Real> const& executor() const { return executor_; }

  void visit_state(Archive<Real>& archive);

 private:
  using Ids = std::vector<program::Id>;

  bool is_at(std::vector<Index> const& steps) const;
  bool wanted(program::Observable const& observable) const;
  bool is_vector(program::Observable const& observable) const;
  void declare(program::Observable const& observable);
  void record(program::Observable const& observable, program::Id id);
  void record_scalar(program::Observable const& observable, Small const& value);
  void record_vector(program::Observable const& observable, Columns<Real> const& value);
  void record_density(std::string const& layer, Columns<Real> const& value);
  void record_alignment(std::string const& path, Small const& kernel);
  void append(std::string const& path, double const* values);
  void check_loss(double loss);
  program::Block const& part_of(program::Block const& block, Ids const& ids);

  program::Program const& program_;
  TrainingSchedule schedule_;
  Small targets_;
  Index gradient_outputs_;
  Executor<Real> executor_;
  Index step_ = 0;
  bool started_ = false, finished_ = false;
  double first_loss_ = 0, last_loss_ = 0;
  Record record_;
  /// Features and gradients at the steps of `kernels_at` so far, by path.
  std::map<std::string, std::vector<Columns<Real>>> vectors_;
  std::map<Ids, program::Block> parts_;  ///< of `observe`
};

extern template class TrainingRun<float>;
extern template class TrainingRun<double>;

}  // namespace widelimit::interpreter
