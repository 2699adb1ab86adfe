#include "cli/training_recorder.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "widelimit/linalg/local_columns.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::cli {
namespace {

// Files of data hold finite numbers alone: infinity is kept as a time before all others.
constexpr double forever_mark = -1;

}  // namespace

TrainingRecorder::TrainingRecorder(RunContext& context, TrainingCheckpoint* checkpoint)
    : context_(context), checkpoint_(checkpoint) {
  if (checkpoint == nullptr || !context.command.resume || !checkpoint->exists()) return;
  resumed_ = checkpoint->read();
  for (std::size_t k = 0;; ++k) {
    auto const number = std::to_string(k);
    auto const found = resumed_->numbers.find("kept_" + number);
    if (found == resumed_->numbers.end()) break;
    auto const& numbers = found->second;
    double const time =
        numbers.at(0) == forever_mark ? std::numeric_limits<double>::infinity() : numbers.at(0);
    kept_.push_back({time, numbers.at(1), numbers.at(2), resumed_->blocks.at("kept_a_" + number),
                     resumed_->blocks.at("kept_train_" + number)});
  }
  runtime::log(runtime::Level::info, fmt::format("going on from {}, with {} kept times",
                                                 checkpoint->file(), kept_.size()));
}

void TrainingRecorder::save(TrainingRecord record) {
  if (checkpoint_ == nullptr) return;
  for (std::size_t k = 0; k < kept_.size(); ++k) {
    auto const number = std::to_string(k);
    auto const& [time, start, gain, a, train] = kept_[k];
    record.blocks["kept_a_" + number] = a;
    record.blocks["kept_train_" + number] = train;
    record.numbers["kept_" + number] = {std::isinf(time) ? forever_mark : time, start, gain};
  }
  checkpoint_->write(record);
}

TrainingRecorder::Standing TrainingRecorder::standing(bool finite) const {
  double counts[] = {context_.stop.pending() ? 1.0 : 0.0,
                     checkpoint_ != nullptr && checkpoint_->due_here() ? 1.0 : 0.0,
                     finite ? 0.0 : 1.0};
  context_.comm.sum(counts, 3);
  return {counts[0] > 0, counts[1] > 0, counts[2] == 0};
}

bool TrainingRecorder::save_if_due(MakeRecord const& record) {
  auto const now = standing(true);
  if (now.due) save(record());
  return now.stop;
}

bool TrainingRecorder::save_or_stop(MakeRecord const& record, std::vector<double> const& block) {
  auto const now =
      standing(std::ranges::all_of(block, [](double value) { return std::isfinite(value); }));
  if (!now.finite) return false;
  if (now.stop || now.due) save(record());
  if (now.stop) context_.stop_if_asked();
  return true;
}

Trajectory TrainingRecorder::trajectory(linalg::RowBlocks const& rows, Index outputs) && {
  Trajectory trajectory;
  for (auto& point : kept_) {
    trajectory.push_back({.time = point.time,
                          .coefficients = linalg::replicated(rows, point.a, outputs),
                          .train = linalg::replicated(rows, point.train, outputs),
                          .start = point.start,
                          .gain = point.gain});
    point = {};
  }
  return trajectory;
}

}  // namespace widelimit::cli
