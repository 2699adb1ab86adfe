#include "cli/regression_results.hpp"

#include "widelimit/regression/metrics.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::cli {

void write_outputs(io::ResultsWriter& results, std::string const& path,
                   linalg::ReplicatedMatrix const& matrix, char const* points) {
  results.write(path, {{matrix.rows, matrix.cols}, {points, "output"}}, matrix.values.data());
}

void write_metrics(io::ResultsWriter& results, std::string const& set,
                   linalg::ReplicatedMatrix const& predictions,
                   linalg::ReplicatedMatrix const& targets, bool classes) {
  double const mse = regression::mean_squared_error(predictions, targets);
  results.write_scalar("/metrics/" + set + "/mse", mse);
  std::string text = fmt::format("{}: mean squared error {:.6g}", set, mse);
  if (classes) {
    double const accuracy = regression::accuracy(predictions, targets);
    results.write_scalar("/metrics/" + set + "/accuracy", accuracy);
    text += fmt::format(", accuracy {:.2f} %", 100 * accuracy);
  }
  runtime::log(runtime::Level::info, text);
}

}  // namespace widelimit::cli
