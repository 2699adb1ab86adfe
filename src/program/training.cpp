#include "widelimit/program/training.hpp"

#include <algorithm>
#include <cmath>

#include <spdlog/fmt/fmt.h>

#include "widelimit/program/optimize.hpp"
#include "widelimit/runtime/error.hpp"

#include "training_blocks.hpp"

namespace widelimit::program {
namespace {

constexpr double tolerance = 1e-9;

Index product(network::Positions const& positions) {
  Index result = 1;
  for (Index const p : positions) result *= p;
  return result;
}

/// Calls visit(layer, line) for all layers of the type `Kind`, also inside of others.
template <class Kind, class Visit>
void for_each(network::Sequence const& layers, Visit const& visit) {
  for (auto const& layer : layers)
    std::visit(
        [&]<class L>(L const& kind) {
          if constexpr (std::is_same_v<L, Kind>) {
            visit(kind, layer.line);
          } else if constexpr (requires { kind.layers; }) {
            for_each<Kind>(kind.layers, visit);
          } else if constexpr (requires { kind.branches; }) {
            for (auto const& branch : kind.branches) for_each<Kind>(branch, visit);
          }
        },
        layer.kind);
}

detail::DataSet declare_set(Builder& b, TrainingTask const& task, std::string const& set,
                            Index points) {
  Index const positions = product(task.input.positions);
  detail::DataSet data;
  data.inputs.points = points;
  if (points == 0) return data;
  data.inputs.x = b.data(set + "_inputs", task.input_rows, points * positions);
  data.targets = b.data(set + "_targets", task.outputs, points);
  if (task.masked && !task.input.positions.empty())
    data.inputs.lengths = b.data(set + "_lengths", 1, points * positions);
  for_each<network::Aggregate>(task.network, [&](network::Aggregate const& layer, int) {
    if (!data.inputs.patterns.contains(layer.pattern))
      data.inputs.patterns[layer.pattern] =
          b.data(fmt::format("{}_pattern_{}", set, layer.pattern), positions, points * positions);
  });
  return data;
}

/// The exponents of clipping have to leave a gradient of order one.
void check_clip(Parametrization const& p, std::string const& file) {
  for (auto const& e : p.exponents)
    if (std::fabs(e.c) > tolerance)
      throw InputError({file, 0, "job.optimizer.clip"},
                       fmt::format("the gradient of the weights has no limit where c = {:g}; clip "
                                   "with a parametrization whose exponents c are 0, such as `mup`",
                                   e.c));
}

/// Under a mask the outputs of the kernel regime differ from those without by a Gaussian field of
/// order one that is correlated with every other mask's, so that no one kernel moves them.
void refuse_dropout(network::Sequence const& network, std::string const& file) {
  for_each<network::Dropout>(network, [&](network::Dropout const& layer, int line) {
    if (layer.mode == network::Dropout::Mode::train)
      throw InputError({file, line, "network"},
                       "`dropout` in training is not built for the kernel regime, where a mask "
                       "changes the outputs by as much as they are, so that no one tangent kernel "
                       "tells how they move; choose a parametrization that learns features "
                       "(`mup`), a network of a width (job: finite), or `mode: test`");
  });
}

void check_task(TrainingTask const& task, Parametrization const& p, std::string const& file) {
  if (task.batch_size > task.train_points)
    throw InputError({file, 0, "job.batch_size"},
                     fmt::format("a batch of {} points, but there are {} to train on",
                                 task.batch_size, task.train_points));
  if (!task.multipliers.empty() && task.multipliers.size() != p.kinds.size())
    throw InputError({file, 0, "job.optimizer.multipliers"},
                     fmt::format("{} multipliers, but the network has {} weight tensors",
                                 task.multipliers.size(), p.kinds.size()));
}

}  // namespace

Index InputLayout::positions_count() const {
  return product(positions);
}

InputLayout input_layout(network::Sequence const& network, network::InputShape const& shape) {
  if (network.empty() || !std::holds_alternative<network::Flatten>(network.front().kind))
    return {shape.positions, shape.channels};
  return {{}, shape.channels * product(shape.positions)};
}

Parametrization parametrization_of(TrainingTask const& task, std::string const& file) {
  Program scratch;
  Builder builder(scratch);
  auto const data = detail::declare_data(builder, task);
  detail::Scaling const any{.readout_power = 0};
  auto plain = task;
  plain.parametrization = Preset::mup;
  detail::NetworkPass pass(builder, plain, task.outputs, any, file);
  pass.run(data.train.inputs);
  Parametrization result{pass.tensors(), {}};
  if (auto const* preset = std::get_if<Preset>(&task.parametrization)) {
    for (auto const kind : result.kinds) result.exponents.push_back(exponents(*preset, kind));
    return result;
  }
  result.exponents = std::get<std::vector<Exponents>>(task.parametrization);
  if (result.exponents.size() != result.kinds.size())
    throw InputError({file, 0, "job.parametrization.layers"},
                     fmt::format("exponents of {} layers, but the network has {} weight tensors",
                                 result.exponents.size(), result.kinds.size()));
  return result;
}

TrainingProgram compile_training(TrainingTask const& task, std::string const& file) {
  TrainingProgram result;
  result.parametrization = parametrization_of(task, file);
  result.classification = classify(result.parametrization);
  check_task(task, result.parametrization, file);
  Builder builder(result.program);
  auto const data = detail::declare_data(builder, task);
  auto const regime = result.classification.regime;
  auto const& readout = result.parametrization.exponents.back();
  if (task.width) {
    double const norm_factor = std::pow(static_cast<double>(*task.width), readout.c);
    detail::write_training(builder, task, data, {.width = task.width}, norm_factor, file, result);
    optimize(result.program);
    return result;
  }
  if (regime == Regime::unstable || regime == Regime::trivial)
    throw InputError({file, 0, "job.parametrization"},
                     fmt::format("training in this parametrization is {} as the width grows, so "
                                 "that there is no limit to compute: {}",
                                 to_string(regime), result.classification.reason));
  if (task.optimizer.clip > 0) check_clip(result.parametrization, file);
  if (regime == Regime::feature_learning) {
    detail::write_training(builder, task, data, {}, 1, file, result);
  } else {
    if (task.optimizer.weight_decay != 0)
      throw InputError({file, 0, "job.optimizer.weight_decay"},
                       "weight decay shrinks all weights, so that features do not stay as they "
                       "are in the kernel regime; set it to 0, or choose a parametrization that "
                       "learns features");
    if (task.optimizer.clip > 0 && task.batch_size != 0 && task.batch_size != task.train_points)
      throw InputError({file, 0, "job.optimizer.clip"},
                       "clipping of the gradients of mini-batches is not built for the kernel "
                       "regime; leave out `clip` or `batch_size`");
    refuse_dropout(task.network, file);
    detail::write_kernel_training(builder, task, data, {.readout_power = 1 - readout.a - readout.b},
                                  file, result);
  }
  optimize(result.program);
  return result;
}

namespace detail {

TaskData declare_data(Builder& builder, TrainingTask const& task) {
  TaskData data;
  data.train = declare_set(builder, task, "train", task.train_points);
  data.test = declare_set(builder, task, "test", task.test_points);
  data.learning_rate = builder.initial("learning_rate", {Kind::scalar, 1, 1}, Schedule{});
  return data;
}

Id batch(Builder& builder, TrainingTask const& task, Id whole, Index columns_per_point) {
  if (task.batch_size == 0 || task.batch_size == task.train_points) return whole;
  auto const& value = builder.program().value(whole);
  auto name = value.name;
  if (name.starts_with("train_")) name.erase(0, 6);
  return builder.initial("batch_" + name,
                         {Kind::scalar, value.rows, task.batch_size * columns_per_point},
                         Batch{whole, columns_per_point});
}

}  // namespace detail
}  // namespace widelimit::program
