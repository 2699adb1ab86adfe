/// \file
/// Training in the kernel regime: f_{t+1}(ξ) = f_t(ξ) - η Σ_i K(ξ, x_i) ∂loss/∂f_i, with the tangent
/// kernel K of the start, the same for every output.
#include "widelimit/program/column_map.hpp"

#include "losses.hpp"
#include "optimizer_steps.hpp"
#include "sums.hpp"
#include "tangent_kernel.hpp"
#include "training_blocks.hpp"

namespace widelimit::program::detail {
namespace {

/// Outputs and velocity of one set.
struct Followed {
  Id outputs = none, kernel = none, velocity = none;
};

class Writer {
 public:
  Writer(Builder& builder, TrainingTask const& task, TaskData const& data, Scaling const& scaling,
         std::string const& file, TrainingProgram& result)
      // One output stands for all: their kernels are equal and do not mix them.
      : b_(builder),
        task_(task),
        data_(data),
        network_(builder, task, 1, scaling, file),
        result_(result) {}

  void write() {
    write_start();
    write_step();
    write_observe();
  }

 private:
  Followed follow(std::string const& set, Index points) {
    Followed f;
    f.outputs = b_.scalar(set + "_outputs", task_.outputs, points);
    f.kernel = b_.scalar(set + "_kernel", points, task_.train_points);
    if (task_.optimizer.momentum != 0)
      f.velocity = b_.scalar(set + "_velocity", task_.outputs, points);
    return f;
  }

  struct Differentiated {
    Pass pass;
    std::vector<Gradient> gradients;
  };

  Differentiated differentiated(Inputs const& inputs) {
    auto const before = static_cast<std::ptrdiff_t>(b_.block().size());
    auto pass = network_.run(inputs);
    Block const forward(b_.block().begin() + before, b_.block().end());
    auto gradients = output_gradients(b_, forward, pass, 0, network_.parameters());
    return {std::move(pass), std::move(gradients)};
  }

  void write_start() {
    b_.write_to(result_.program.start);
    auto const train = differentiated(data_.train.inputs);
    train_ = follow("train", task_.train_points);
    Index const n = task_.train_points;
    auto const& parameters = network_.parameters();
    b_.add(Assign{train_.kernel,
                  tangent_kernel(b_, parameters, train.gradients, train.gradients, n, n)});
    if (task_.optimizer.clip > 0) {
      // The norm of gradients, in which multipliers do not count.
      norm_kernel_ = b_.scalar("norm_kernel", n, n);
      b_.add(Assign{norm_kernel_,
                    tangent_kernel(b_, parameters, train.gradients, train.gradients, n, n, false)});
    }
    if (task_.test_points == 0) return;
    test_ = follow("test", task_.test_points);
    auto const test = differentiated(data_.test.inputs);
    b_.add(Assign{test_.kernel, tangent_kernel(b_, parameters, test.gradients, train.gradients,
                                               task_.test_points, n)});
  }

  void write_step() {
    b_.write_to(result_.program.step);
    auto const loss = append_loss(b_, task_.loss, batch(b_, task_, train_.outputs),
                                  batch(b_, task_, data_.train.targets));
    Id chi = loss.chi;
    if (task_.optimizer.clip > 0) chi = clipped(chi);
    std::vector<Followed> const sets =
        task_.test_points == 0 ? std::vector{train_} : std::vector{train_, test_};
    for (auto const& set : sets) {
      Id const columns = batch(b_, task_, set.kernel);
      Id const slope = b_.add(ScalarProduct{none, chi, b_.transpose(columns)});
      append_move(set, slope);
    }
    bool const whole = task_.batch_size == 0 || task_.batch_size == task_.train_points;
    if (whole) step_loss_ = loss.loss;
  }

  Id clipped(Id chi) {
    Id const along = b_.add(ScalarProduct{none, chi, norm_kernel_});
    Id const square = b_.sum(b_.elementwise("a*b", {along, chi}), Axis::all);
    return b_.elementwise("a*b", {chi, clip_factor(b_, task_.optimizer.clip, square)});
  }

  void append_move(Followed const& set, Id slope) {
    Id const eta = data_.learning_rate;
    auto const& optimizer = task_.optimizer;
    if (optimizer.momentum == 0) {
      b_.add(Assign{set.outputs, b_.elementwise("a - b*c", {set.outputs, eta, slope})});
      return;
    }
    Id const mu = b_.constant(optimizer.momentum);
    Id const velocity = b_.elementwise("a*b + c", {mu, set.velocity, slope});
    Id const along =
        optimizer.nesterov ? b_.elementwise("a + b*c", {slope, mu, velocity}) : velocity;
    b_.add(Assign{set.outputs, b_.elementwise("a - b*c", {set.outputs, eta, along})});
    b_.add(Assign{set.velocity, velocity});
  }

  void write_observe() {
    b_.write_to(result_.program.observe);
    auto& observables = result_.program.observables;
    auto const copy = [&](Id value) {
      return b_.add(ScalarNonlinear{none, Expression::argument(0), {value}});
    };
    auto const add_set = [&](std::string const& set, Followed const& f, Id targets, Id in_step) {
      Id const outputs = copy(f.outputs);
      observables.push_back({Role::output, "output", set, none, outputs});
      observables.push_back(
          {Role::loss, "loss", set, in_step, append_loss(b_, task_.loss, outputs, targets).loss});
    };
    add_set("train", train_, data_.train.targets, step_loss_);
    if (task_.test_points > 0) add_set("test", test_, data_.test.targets, none);
    observables.push_back(
        {Role::tangent_kernel, "tangent_kernel", "train", none, copy(train_.kernel)});
    auto const train = differentiated(data_.train.inputs);
    for (std::size_t k = 0; k < train.pass.taps.size(); ++k) {
      auto const& tap = train.pass.taps[k];
      result_.layers.push_back(tap.layer);
      observables.push_back({Role::preactivation, tap.layer, "train", none, tap.preactivation});
      observables.push_back({Role::feature, tap.layer, "train", none, tap.feature});
      observables.push_back({Role::gradient, tap.layer, "train", none,
                             total(b_, train.gradients[network_.parameters().size() + k],
                                   b_.columns(tap.preactivation))});
    }
  }

  Builder& b_;
  TrainingTask const& task_;
  TaskData const& data_;
  NetworkPass network_;
  TrainingProgram& result_;
  Followed train_, test_;
  Id norm_kernel_ = none, step_loss_ = none;
};

}  // namespace

void write_kernel_training(Builder& builder, TrainingTask const& task, TaskData const& data,
                           Scaling const& scaling, std::string const& file,
                           TrainingProgram& result) {
  Writer(builder, task, data, scaling, file, result).write();
}

}  // namespace widelimit::program::detail
