/// \file
/// Losses of one point and their gradients.
#pragma once

#include "widelimit/runtime/types.hpp"

namespace widelimit::regression {

enum class Loss {
  squared,  ///< ½·Σ_c (f_c - y_c)²
  softmax,  ///< -Σ_c y_c·log softmax(f)_c, the y_c adding up to 1
  logistic  ///< -y·log σ(f) - (1 - y)·log(1 - σ(f)) of each output, y from 0 to 1
};

/// ℓ(f, y); its gradient by f goes to `gradient`. All have `outputs` numbers, `stride` apart.
/// Finite for finite f, however large. Local.
double loss_and_gradient(Loss loss, double const* f, double const* y, Index outputs, Index stride,
                         double* gradient);

/// The largest curvature of ℓ by f: 1, ½ and ¼.
constexpr double largest_curvature(Loss loss) {
  return loss == Loss::squared ? 1 : loss == Loss::softmax ? 0.5 : 0.25;
}

}  // namespace widelimit::regression
