#include "widelimit/regression/kernel_spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace widelimit::regression {
namespace {

/// Modes of the operator, the tail as one of high multiplicity.
struct Mode {
  double eigenvalue, power, multiplicity;
};

std::vector<Mode> modes_of(KernelSpectrum const& spectrum) {
  auto const n = static_cast<double>(spectrum.points);
  std::vector<Mode> modes;
  for (std::size_t k = 0; k < spectrum.values.size(); ++k) {
    double const power = spectrum.power.empty() ? 0 : spectrum.power[k];
    modes.push_back({std::max(spectrum.values[k], 0.0) / n, power / n, 1});
  }
  if (auto const count = static_cast<double>(spectrum.tail_size()); count > 0)
    modes.push_back({spectrum.tail_trace() / count / n, spectrum.tail_power() / n, count});
  return modes;
}

}  // namespace

double KernelSpectrum::tail_trace() const {
  double rest = trace;
  for (double const value : values) rest -= value;
  return std::max(rest, 0.0);
}

double KernelSpectrum::tail_power() const {
  double rest = total_power;
  for (double const one : power) rest -= one;
  return std::max(rest, 0.0);
}

EffectiveDimension effective_dimension(KernelSpectrum const& spectrum, double ridge) {
  EffectiveDimension result;
  for (double const value : spectrum.values) result.low += value > 0 ? value / (value + ridge) : 0;
  result.high = result.low;
  auto const count = static_cast<double>(spectrum.tail_size());
  double const rest = spectrum.tail_trace();
  if (count == 0 || rest == 0) return result;
  result.high += count * rest / (rest + count * ridge);
  result.low += rest / (std::max(spectrum.values.back(), 0.0) + ridge);
  return result;
}

double predicted_error(KernelSpectrum const& spectrum, double samples, double ridge) {
  auto const modes = modes_of(spectrum);
  // Σ λ/(λ + t) + ridge/t falls from above `samples` to zero as t grows.
  auto const excess = [&](double t) {
    double sum = ridge / t - samples;
    for (auto const& mode : modes)
      sum += mode.multiplicity * mode.eigenvalue / (mode.eigenvalue + t);
    return sum;
  };
  double high = ridge / samples;
  for (auto const& mode : modes) high += mode.multiplicity * mode.eigenvalue / samples;
  double low = high;
  for (int k = 0; k < 400 && excess(low) < 0; ++k) low /= 4;
  if (!(excess(low) >= 0)) return std::numeric_limits<double>::quiet_NaN();
  for (int k = 0; k < 200 && high - low > 1e-15 * high; ++k) {
    double const middle = std::sqrt(low * high);
    (excess(middle) > 0 ? low : high) = middle;
  }
  double const t = high;
  double learnt_squares = 0, missed = 0;
  for (auto const& mode : modes) {
    double const share = mode.eigenvalue / (mode.eigenvalue + t);
    learnt_squares += mode.multiplicity * share * share;
    missed += (1 - share) * (1 - share) * mode.power;
  }
  return samples / (samples - learnt_squares) * missed;
}

}  // namespace widelimit::regression
