/// \file
/// The ridge of a regression, as the user writes it.
#pragma once

#include "widelimit/runtime/types.hpp"

namespace widelimit::regression {

enum class RidgeScale {
  relative,  ///< in units of the mean of the kernel's diagonal, trace(K)/N
  absolute   ///< in the units of the kernel
};

/// λ of (K + λI)⁻¹.
struct Ridge {
  double value = 0;
  RidgeScale scale = RidgeScale::relative;

  /// λ for an N x N kernel of this trace.
  double shift(double trace, Index size) const {
    return scale == RidgeScale::absolute ? value : value * trace / static_cast<double>(size);
  }
};

/// The least number with one significant digit that is not below `value` > 0.
double round_up_to_one_digit(double value);

}  // namespace widelimit::regression
