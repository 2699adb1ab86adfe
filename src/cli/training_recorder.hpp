/// \file
/// What training in function space keeps: the times that were asked for, and its state on the disk.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "cli/run_context.hpp"
#include "cli/training_checkpoint.hpp"
#include "cli/trajectory.hpp"

namespace widelimit::cli {

/// What is kept of one time: this rank's rows, column-major.
struct KeptPoint {
  double time;
  double start, gain;  ///< as in TrajectoryPoint
  std::vector<double> a, train;
};

/// Collective, all of it but `resumed`, `kept` and `keep`.
class TrainingRecorder {
 public:
  using MakeRecord = std::function<TrainingRecord()>;

  /// Reads the state where --resume asks for it. \param checkpoint  may be null; must outlive this
  TrainingRecorder(RunContext& context, TrainingCheckpoint* checkpoint);

  /// The state to go on from, if any.
  std::optional<TrainingRecord> const& resumed() const { return resumed_; }

  std::size_t kept() const { return kept_.size(); }
  void keep(KeptPoint point) { kept_.push_back(std::move(point)); }

  /// Saves the state and the kept times, where there is a checkpoint.
  void save(TrainingRecord record);
  /// Saves where it is time. One message. \return  whether the run was asked to end
  bool save_if_due(MakeRecord const& record);
  /// Saves where it is time, and ends the run where that was asked (throws Stopped). One message.
  /// \return  whether `block` has finite entries alone; if not, nothing is saved
  bool save_or_stop(MakeRecord const& record, std::vector<double> const& block = {});

  /// All kept times, whole; they are given away.
  Trajectory trajectory(linalg::RowBlocks const& rows, Index outputs) &&;

 private:
  struct Standing {
    bool stop, due, finite;
  };
  Standing standing(bool finite) const;

  RunContext& context_;
  TrainingCheckpoint* checkpoint_;
  std::optional<TrainingRecord> resumed_;
  std::vector<KeptPoint> kept_;
};

}  // namespace widelimit::cli
