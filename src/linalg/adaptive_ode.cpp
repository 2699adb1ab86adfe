#include "widelimit/linalg/adaptive_ode.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace widelimit::linalg {
namespace {

using Vector = std::vector<double>;

// Dormand & Prince 1980.
constexpr double a[7][6] = {
    {},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
constexpr double error_weights[7] = {71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                     -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

constexpr double pair_limit = 2.5;  // step·radius, of 3.3, at which stability may decide
constexpr int largest_stages = 500;
constexpr double damping = 2.0 / 13;  // of the method with Chebyshev polynomials
constexpr Index enough = 10;          // steps in a row before a method is judged

/// A step's size after one with `error`, in terms of that.
double factor_of(double error, double error_before, double order) {
  if (!std::isfinite(error)) return 0.1;
  double const now = std::max(error, 1e-10), before = std::max(error_before, 1e-4);
  // Proportional and integral, for smooth sequences of steps.
  double const factor = 0.9 * std::pow(now, -0.7 / order) * std::pow(before, 0.4 / order);
  return std::clamp(factor, 0.2, error > 1 ? 0.9 : 5.0);
}

int stages_for(double reach) {
  // Stable up to 2/3·(s² - 1)·(1 - 2·damping/15).
  double const s = std::sqrt(1 + reach / (2.0 / 3 * (1 - 2 * damping / 15)));
  return std::max(2, static_cast<int>(std::ceil(s)));
}

/// Chebyshev polynomials and their derivatives at `x`, one degree after the other.
struct Chebyshev {
  double x;
  double t[2], d[2], dd[2];  ///< degrees j - 1 and j
  explicit Chebyshev(double at) : x(at), t{1, at}, d{0, 1}, dd{0, 0} {}
  void advance() {
    double const next = 2 * x * t[1] - t[0];
    double const next_d = 2 * t[1] + 2 * x * d[1] - d[0];
    double const next_dd = 4 * d[1] + 2 * x * dd[1] - dd[0];
    t[0] = t[1], d[0] = d[1], dd[0] = dd[1];
    t[1] = next, d[1] = next_d, dd[1] = next_dd;
  }
};

}  // namespace

/// Slopes and a candidate for the next y.
struct AdaptiveOde::Trial {
  Vector k[7];  ///< k[0]: F(y), known; the last one of a step is the first one of the next
  Vector next, error;
  double size = 0;  ///< of the error
  int stages = 7;
};

bool AdaptiveOde::evaluate(OdeState& state, Vector const& y, Vector& dy) const {
  ++state.evaluations;
  dy.resize(y.size());
  return rhs_(y, dy);
}

bool AdaptiveOde::try_pair(OdeState& state, double h, Trial& trial) const {
  Vector const& y = state.y;
  trial.next.resize(y.size());
  for (int stage = 1; stage < 7; ++stage) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      double sum = 0;
      for (int j = 0; j < stage; ++j) sum += a[stage][j] * trial.k[j][i];
      trial.next[i] = y[i] + h * sum;
    }
    if (!evaluate(state, trial.next, trial.k[stage])) return false;
  }
  trial.error.resize(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    double sum = 0;
    for (int j = 0; j < 7; ++j) sum += error_weights[j] * trial.k[j][i];
    trial.error[i] = h * sum;
  }
  trial.size = norm_(trial.error, y);
  return true;
}

bool AdaptiveOde::try_stabilized(OdeState& state, double h, Trial& trial) const {
  Vector const& y = state.y;
  Vector const& slope = trial.k[0];
  int const s = std::min(largest_stages, stages_for(1.1 * h * radius_(y)));
  trial.stages = s;
  double const w0 = 1 + damping / (s * s);
  Chebyshev last(w0);
  for (int j = 2; j <= s; ++j) last.advance();
  double const w1 = last.d[1] / last.dd[1];

  Chebyshev now(w0);
  now.advance();
  double const b2 = now.dd[1] / (now.d[1] * now.d[1]);
  double b_before = b2, b_last = b2, a_last = 1 - b2 * w0;
  Vector& before = trial.k[2];  // Y_{j-2} and F(Y_{j-1}); Y_{j-1} is `next`
  Vector& f = trial.k[3];
  before = y;
  trial.next.resize(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) trial.next[i] = y[i] + b2 * w1 * h * slope[i];
  for (int j = 2; j <= s; ++j) {
    if (!evaluate(state, trial.next, f)) return false;
    if (j > 2) now.advance();
    double const b = now.dd[1] / (now.d[1] * now.d[1]);
    double const mu = 2 * b * w0 / b_last, nu = -b / b_before, mu_h = 2 * b * w1 / b_last;
    double const gamma = -a_last * mu_h;
    for (std::size_t i = 0; i < y.size(); ++i) {
      double const next = (1 - mu - nu) * y[i] + mu * trial.next[i] + nu * before[i] +
                          mu_h * h * f[i] + gamma * h * slope[i];
      before[i] = trial.next[i];
      trial.next[i] = next;
    }
    b_before = b_last;
    b_last = b;
    a_last = 1 - b * now.t[1];
  }
  if (!evaluate(state, trial.next, trial.k[6])) return false;
  trial.error.resize(y.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    trial.error[i] = 0.8 * (y[i] - trial.next[i]) + 0.4 * h * (slope[i] + trial.k[6][i]);
  trial.size = norm_(trial.error, y);
  return true;
}

void AdaptiveOde::choose_after_pair(OdeState& state, double h) const {
  state.pair_step = h;
  if (!radius_ || state.time < state.stay_until) return;
  state.steps_in_a_row = h * radius_(state.y) > pair_limit ? state.steps_in_a_row + 1 : 0;
  if (state.steps_in_a_row < enough) return;
  state.stabilized = true;
  state.steps_in_a_row = 0;
}

void AdaptiveOde::choose_after_stabilized(OdeState& state, double h, int stages) {
  ++state.steps_in_a_row;
  bool const dearer = stages * state.pair_step > 6 * h;
  if (state.steps_in_a_row < enough || !dearer) return;
  state.stabilized = false;
  state.steps_in_a_row = 0;
  state.step = state.pair_step;
  state.error_before = 1;
  state.stay_until = 2 * state.time;
}

AdaptiveOde::End AdaptiveOde::run(OdeState& state, double end,
                                  std::function<bool(OdeState const&)> const& observe) const {
  Trial trial;
  if (!(state.time < end)) return End::reached;
  if (!evaluate(state, state.y, trial.k[0])) return End::interrupted;
  if (state.step == 0) {
    // A change of ten tolerances: the pair's error is then far smaller, and steps grow quickly.
    double const speed = norm_(trial.k[0], state.y);
    state.step = speed > 0 ? 10 / speed : end - state.time;
  }
  while (state.time < end) {
    bool const last = state.time + state.step * (1 + 1e-10) >= end;
    double const h = last ? end - state.time : state.step;
    if (!(h > 16 * std::numeric_limits<double>::epsilon() * state.time)) return End::too_small;
    bool const stabilized = state.stabilized;
    bool const done = stabilized ? try_stabilized(state, h, trial) : try_pair(state, h, trial);
    if (!done) return End::interrupted;
    double const factor = factor_of(trial.size, state.error_before, stabilized ? 3 : 5);
    if (!(trial.size <= 1)) {
      state.step = h * factor;
      continue;
    }
    state.y.swap(trial.next);
    state.time = last ? end : state.time + h;
    ++state.steps;
    std::swap(trial.k[0], trial.k[6]);
    state.error_before = trial.size;
    // A step that was cut to land on `end` says little of the next one.
    state.step = last ? std::max(state.step, h * factor) : h * factor;
    if (!last) {
      if (stabilized) {
        choose_after_stabilized(state, h, trial.stages);
      } else {
        choose_after_pair(state, h);
      }
    }
    if (observe(state)) return state.time < end ? End::interrupted : End::reached;
  }
  return End::reached;
}

}  // namespace widelimit::linalg
