/// \file
/// Extreme eigenvalues of a symmetric operator by the Lanczos recursion.
#pragma once

#include <functional>
#include <vector>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::linalg {

/// Ends of a spectrum. `min` is never below the true one and `max` never above, but for rounding.
struct SpectrumEnds {
  double min = 0;
  double max = 0;
};

/// Ritz values after at most `steps` applications, with full reorthogonalisation, from a fixed
/// random vector. \param apply  y = A·x for replicated vectors of length `size`; may be collective
/// Collective over `comm`; replicated memory size·steps, 2·size·steps² flops beside `apply`.
SpectrumEnds lanczos(runtime::Communicator const& comm, Index size, int steps,
                     std::function<std::vector<double>(std::vector<double> const&)> const& apply);

}  // namespace widelimit::linalg
