#include "cli/program_results.hpp"

#include <cmath>

namespace widelimit::cli {

JoinedRecord join(interpreter::Record const& record) {
  JoinedRecord joined;
  for (auto const& [path, array] : record)
    joined.insert(joined.end(), array.values.begin(), array.values.end());
  return joined;
}

RunStatistics statistics(std::vector<JoinedRecord> const& runs) {
  RunStatistics result;
  std::size_t const size = runs.front().size();
  auto const n = static_cast<double>(runs.size());
  result.mean.resize(size);
  for (auto const& run : runs)
    for (std::size_t k = 0; k < size; ++k) result.mean[k] += run[k] / n;
  if (runs.size() < 2) return result;
  result.standard_error.resize(size);
  for (auto const& run : runs)
    for (std::size_t k = 0; k < size; ++k) {
      double const deviation = run[k] - result.mean[k];
      result.standard_error[k] += deviation * deviation;
    }
  for (double& value : result.standard_error) value = std::sqrt(value / (n * (n - 1)));
  return result;
}

void write_runs(io::ResultsWriter& results, interpreter::Record const& layout,
                RunStatistics const& runs, RunStatistics const* half) {
  std::size_t at = 0;
  for (auto const& [path, array] : layout) {
    io::ArrayLayout const shape{array.shape, array.dimensions};
    std::string const full = "/limit/" + path;
    results.write(full, shape, runs.mean.data() + at);
    if (!runs.standard_error.empty())
      results.write(full + "_standard_error", shape, runs.standard_error.data() + at);
    if (half) {
      std::vector<double> bias(array.values.size()), error(array.values.size());
      for (std::size_t k = 0; k < bias.size(); ++k) {
        bias[k] = half->mean[at + k] - runs.mean[at + k];
        if (!runs.standard_error.empty())
          error[k] = std::hypot(half->standard_error[at + k], runs.standard_error[at + k]);
      }
      results.write(full + "_bias", shape, bias.data());
      if (!runs.standard_error.empty())
        results.write(full + "_bias_standard_error", shape, error.data());
    }
    at += array.values.size();
  }
}

}  // namespace widelimit::cli
