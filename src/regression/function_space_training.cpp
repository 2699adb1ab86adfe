#include "widelimit/regression/function_space_training.hpp"

#include <cmath>

namespace widelimit::regression {

FunctionSpaceTraining::FunctionSpaceTraining(TrainingKernel const& kernel, Loss loss, StepRule rule,
                                             std::vector<double> f0, std::vector<double> y,
                                             Index outputs)
    : kernel_(kernel),
      loss_(loss),
      rule_(rule),
      f0_(std::move(f0)),
      y_(std::move(y)),
      outputs_(outputs) {}

TrainingState FunctionSpaceTraining::start() const {
  TrainingState state;
  std::vector<double> const zero(f0_.size());
  state.a = state.velocity = state.k_a = state.k_velocity = zero;
  return state;
}

double FunctionSpaceTraining::start_factor(TrainingState const& state) const {
  return rule_.degree == 0 ? 1 : std::pow(state.start, rule_.degree);
}

double FunctionSpaceTraining::gain(TrainingState const& state) const {
  return rule_.degree == 0 ? 1 : std::pow(state.start, rule_.degree - 1);
}

std::vector<double> FunctionSpaceTraining::outputs(TrainingState const& state) const {
  double const factor = start_factor(state), k = gain(state);
  std::vector<double> f(f0_.size());
  for (std::size_t i = 0; i < f.size(); ++i) f[i] = factor * f0_[i] + k * state.k_a[i];
  return f;
}

double FunctionSpaceTraining::loss(TrainingState const& state) const {
  auto const f = outputs(state);
  Index const n = kernel_.rows().local_size();
  std::vector<double> unused(f.size());
  double sum = 0;
  for (Index i = 0; i < n; ++i)
    sum += loss_and_gradient(loss_, f.data() + i, y_.data() + i, outputs_, n, unused.data() + i);
  return rule_.loss_scale * kernel_.rows().comm().sum(sum);
}

bool FunctionSpaceTraining::step(TrainingState& state, std::function<bool()> const& go_on) const {
  auto const f = outputs(state);
  Index const n = kernel_.rows().local_size();
  double const scale = gain(state) * rule_.loss_scale;
  std::vector<double> gradient(f.size()), k_gradient(f.size());
  for (Index i = 0; i < n; ++i)
    loss_and_gradient(loss_, f.data() + i, y_.data() + i, outputs_, n, gradient.data() + i);
  for (double& entry : gradient) entry *= scale;
  if (!kernel_.multiply(gradient.data(), outputs_, k_gradient.data(), go_on)) return false;
  advance(state, std::move(gradient), std::move(k_gradient));
  return true;
}

void FunctionSpaceTraining::step(TrainingState& state, std::vector<Index> const& batch) const {
  auto const& rows = kernel_.rows();
  Range const mine = rows.mine();
  Index const n = mine.size();
  auto const count = static_cast<Index>(batch.size());
  double const factor = start_factor(state), k = gain(state);
  double const scale =
      k * rule_.loss_scale * static_cast<double>(rows.size()) / static_cast<double>(count);
  std::vector<double> gradient(f0_.size()), k_gradient(f0_.size());
  std::vector<double> shared(static_cast<std::size_t>(count * outputs_));
  std::vector<double> f(static_cast<std::size_t>(outputs_)), y(f.size()), g(f.size());
  for (Index b = 0; b < count; ++b) {
    Index const point = batch[static_cast<std::size_t>(b)];
    if (point < mine.begin || point >= mine.end) continue;
    Index const i = point - mine.begin;
    for (Index c = 0; c < outputs_; ++c) {
      auto const at = static_cast<std::size_t>(i + c * n);
      f[static_cast<std::size_t>(c)] = factor * f0_[at] + k * state.k_a[at];
      y[static_cast<std::size_t>(c)] = y_[at];
    }
    loss_and_gradient(loss_, f.data(), y.data(), outputs_, 1, g.data());
    for (Index c = 0; c < outputs_; ++c) {
      double const entry = scale * g[static_cast<std::size_t>(c)];
      gradient[static_cast<std::size_t>(i + c * n)] = entry;
      shared[static_cast<std::size_t>(b * outputs_ + c)] = entry;
    }
  }
  rows.comm().sum(shared.data(), count * outputs_);
  kernel_.multiply_columns(batch, shared.data(), outputs_, k_gradient.data());
  advance(state, std::move(gradient), std::move(k_gradient));
}

void FunctionSpaceTraining::advance(TrainingState& state, std::vector<double> gradient,
                                    std::vector<double> k_gradient) const {
  // `gradient` becomes G of the coefficients, `k_gradient` K times it.
  double const m = rule_.momentum;
  auto const move = [&](double& position, double& velocity, double slope) {
    double const total = slope + rule_.decay * position;
    velocity = m * velocity + total;
    position -= rule_.rate * (rule_.nesterov ? total + m * velocity : velocity);
  };
  auto const size = static_cast<Index>(gradient.size());
  // a goes against the gradient of its own outputs: w - w₀ = Jᵀa, so that a's slope is g itself.
  for (Index i = 0; i < size; ++i) {
    move(state.a[static_cast<std::size_t>(i)], state.velocity[static_cast<std::size_t>(i)],
         gradient[static_cast<std::size_t>(i)]);
    move(state.k_a[static_cast<std::size_t>(i)], state.k_velocity[static_cast<std::size_t>(i)],
         k_gradient[static_cast<std::size_t>(i)]);
  }
  if (rule_.degree > 0) move(state.start, state.start_velocity, 0);
  ++state.step;
}

}  // namespace widelimit::regression
