#include "widelimit/regression/loss.hpp"

#include <algorithm>
#include <cmath>

namespace widelimit::regression {
namespace {

double squared(double const* f, double const* y, Index outputs, Index stride, double* gradient) {
  double sum = 0;
  for (Index c = 0; c < outputs * stride; c += stride) {
    gradient[c] = f[c] - y[c];
    sum += gradient[c] * gradient[c];
  }
  return sum / 2;
}

double softmax(double const* f, double const* y, Index outputs, Index stride, double* gradient) {
  double largest = f[0];
  for (Index c = 0; c < outputs * stride; c += stride) largest = std::max(largest, f[c]);
  double partition = 0;
  for (Index c = 0; c < outputs * stride; c += stride) {
    gradient[c] = std::exp(f[c] - largest);
    partition += gradient[c];
  }
  double const log_partition = std::log(partition);
  double sum = 0;
  for (Index c = 0; c < outputs * stride; c += stride) {
    gradient[c] = gradient[c] / partition - y[c];
    if (y[c] != 0) sum -= y[c] * (f[c] - largest - log_partition);
  }
  return sum;
}

double logistic(double const* f, double const* y, Index outputs, Index stride, double* gradient) {
  double sum = 0;
  for (Index c = 0; c < outputs * stride; c += stride) {
    // log(1 + e^f) and σ(f), without overflow.
    double const small = std::exp(-std::abs(f[c]));
    sum += std::max(f[c], 0.0) + std::log1p(small) - y[c] * f[c];
    gradient[c] = (f[c] >= 0 ? 1 : small) / (1 + small) - y[c];
  }
  return sum;
}

}  // namespace

double loss_and_gradient(Loss loss, double const* f, double const* y, Index outputs, Index stride,
                         double* gradient) {
  switch (loss) {
    case Loss::squared:
      return squared(f, y, outputs, stride, gradient);
    case Loss::softmax:
      return softmax(f, y, outputs, stride, gradient);
    case Loss::logistic:
      return logistic(f, y, outputs, stride, gradient);
  }
  return 0;
}

}  // namespace widelimit::regression
