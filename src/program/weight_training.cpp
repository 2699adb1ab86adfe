/// \file
/// Training in which weights move.
#include "losses.hpp"
#include "optimizer_steps.hpp"
#include "sums.hpp"
#include "tangent_kernel.hpp"
#include "training_blocks.hpp"

namespace widelimit::program::detail {
namespace {

/// Writes the blocks of one program.
class Writer {
 public:
  Writer(Builder& builder, TrainingTask const& task, TaskData const& data, Scaling const& scaling,
         std::string const& file, TrainingProgram& result)
      : b_(builder),
        task_(task),
        data_(data),
        network_(builder, task, task.outputs, scaling, file),
        result_(result) {}

  void write(bool centred, double norm_factor) {
    write_start(centred);
    write_step(norm_factor);
    write_observe();
  }

 private:
  /// Outputs minus those of the start.
  Id centred(Id outputs, Id start) {
    return start == none ? outputs : b_.elementwise("a - b", {outputs, start});
  }

  void write_start(bool centred) {
    b_.write_to(result_.program.start);
    auto const first = network_.run(data_.train.inputs);
    if (!centred || starts_at_zero()) {
      result_.program.start.clear();
      return;
    }
    train_start_ = b_.scalar("train_start", task_.outputs, task_.train_points);
    b_.add(Assign{train_start_, first.outputs});
    if (task_.test_points == 0) return;
    test_start_ = b_.scalar("test_start", task_.outputs, task_.test_points);
    b_.add(Assign{test_start_, network_.run(data_.test.inputs).outputs});
  }

  /// Whether the readout starts at zero.
  bool starts_at_zero() const {
    for (auto const& parameter : network_.parameters()) {
      auto const& content = b_.program().initial(parameter.value).content;
      if (parameter.kind == LayerKind::readout && std::holds_alternative<GaussianVector>(content))
        return false;
    }
    return true;
  }

  void write_step(double norm_factor) {
    auto& block = result_.program.step;
    b_.write_to(block);
    auto const& train = data_.train;
    bool const whole = task_.batch_size == 0 || task_.batch_size == task_.train_points;
    Index const positions = task_.input.positions_count();
    Inputs inputs = train.inputs;
    inputs.x = batch(b_, task_, inputs.x, positions);
    if (inputs.lengths != none) inputs.lengths = batch(b_, task_, inputs.lengths, positions);
    for (auto& [name, pattern] : inputs.patterns) pattern = batch(b_, task_, pattern, positions);
    if (!whole) inputs.points = task_.batch_size;
    Id const start = train_start_ == none ? none : batch(b_, task_, train_start_);
    auto const pass = network_.run(inputs, Dropouts::drawn);
    auto const forward = block;
    Id const f = centred(pass.outputs, start);
    auto const loss = append_loss(b_, task_.loss, f, batch(b_, task_, train.targets));
    if (whole && !pass.noisy) {
      step_outputs_ = f;
      step_loss_ = loss.loss;
      step_taps_ = pass.taps;
    }
    std::vector<Id> of;
    for (auto const& parameter : network_.parameters()) of.push_back(parameter.value);
    auto const gradients = differentiate(b_, forward, {{pass.outputs, loss.chi}}, of);
    append_updates(b_, task_.optimizer, network_.parameters(), gradients, data_.learning_rate,
                   norm_factor);
  }

  void write_observe() {
    auto& block = result_.program.observe;
    b_.write_to(block);
    auto& observables = result_.program.observables;
    auto const train = network_.run(data_.train.inputs);
    auto const forward = block;
    Id const f = centred(train.outputs, train_start_);
    observables.push_back({Role::output, "output", "train", step_outputs_, f});
    Id const loss = append_loss(b_, task_.loss, f, data_.train.targets).loss;
    observables.push_back({Role::loss, "loss", "train", step_loss_, loss});
    for (std::size_t k = 0; k < train.taps.size(); ++k) {
      auto const& tap = train.taps[k];
      bool const in_step = !step_taps_.empty();
      result_.layers.push_back(tap.layer);
      observables.push_back({Role::preactivation, tap.layer, "train",
                             in_step ? step_taps_[k].preactivation : none, tap.preactivation});
      observables.push_back(
          {Role::feature, tap.layer, "train", in_step ? step_taps_[k].feature : none, tap.feature});
    }
    write_gradients(forward, train);
    if (task_.test_points == 0) return;
    Id const test = centred(network_.run(data_.test.inputs).outputs, test_start_);
    observables.push_back({Role::output, "output", "test", none, test});
    observables.push_back({Role::loss, "loss", "test", none,
                           append_loss(b_, task_.loss, test, data_.test.targets).loss});
  }

  /// Gradients at the preactivations, and the tangent kernel.
  void write_gradients(Block const& forward, Pass const& pass) {
    auto const& parameters = network_.parameters();
    std::vector<Id> kernels;
    for (Index output = 0; output < task_.outputs; ++output) {
      auto const g = output_gradients(b_, forward, pass, output, parameters);
      for (std::size_t k = 0; k < pass.taps.size(); ++k)
        result_.program.observables.push_back(
            {Role::gradient, pass.taps[k].layer, "train", none,
             total(b_, g[parameters.size() + k], b_.columns(pass.taps[k].preactivation)), output});
      kernels.push_back(
          tangent_kernel(b_, parameters, g, g, task_.train_points, task_.train_points));
    }
    if (kernels.front() == none) return;
    result_.program.observables.push_back(
        {Role::tangent_kernel, "tangent_kernel", "train", none,
         b_.scaled(sum_of_scalars(b_, kernels), 1 / static_cast<double>(task_.outputs))});
  }

  Builder& b_;
  TrainingTask const& task_;
  TaskData const& data_;
  NetworkPass network_;
  TrainingProgram& result_;
  Id train_start_ = none, test_start_ = none;
  Id step_outputs_ = none, step_loss_ = none;
  std::vector<Tap> step_taps_;
};

}  // namespace

void write_training(Builder& builder, TrainingTask const& task, TaskData const& data,
                    Scaling const& scaling, double norm_factor, std::string const& file,
                    TrainingProgram& result) {
  Writer(builder, task, data, scaling, file, result).write(!scaling.width, norm_factor);
}

}  // namespace widelimit::program::detail
