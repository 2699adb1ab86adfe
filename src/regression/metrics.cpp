#include "widelimit/regression/metrics.hpp"

#include <algorithm>

#include "widelimit/runtime/error.hpp"

namespace widelimit::regression {
namespace {

void check_shapes(linalg::ReplicatedMatrix const& predictions,
                  linalg::ReplicatedMatrix const& targets) {
  if (predictions.rows != targets.rows || predictions.cols != targets.cols)
    throw Error(ExitCode::failed, "predictions and targets of different shapes");
}

Index argmax(linalg::ReplicatedMatrix const& a, Index row) {
  return std::max_element(a.row(row), a.row(row) + a.cols) - a.row(row);
}

}  // namespace

double mean_squared_error(linalg::ReplicatedMatrix const& predictions,
                          linalg::ReplicatedMatrix const& targets) {
  check_shapes(predictions, targets);
  double sum = 0;
  for (std::size_t i = 0; i < targets.values.size(); ++i) {
    double const difference = predictions.values[i] - targets.values[i];
    sum += difference * difference;
  }
  return sum / static_cast<double>(targets.values.size());
}

double accuracy(linalg::ReplicatedMatrix const& predictions,
                linalg::ReplicatedMatrix const& targets, double threshold) {
  check_shapes(predictions, targets);
  Index right = 0;
  for (Index i = 0; i < targets.rows; ++i)
    right += targets.cols == 1 ? (predictions(i, 0) > threshold) == (targets(i, 0) > threshold)
                               : argmax(predictions, i) == argmax(targets, i);
  return static_cast<double>(right) / static_cast<double>(targets.rows);
}

}  // namespace widelimit::regression
