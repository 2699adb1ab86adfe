/// \file
/// Checks of arguments that only a fault of the caller can break.
#pragma once

#include <string>

#include "widelimit/runtime/error.hpp"

namespace widelimit::linalg::detail {

/// Throws Error (failed) unless `holds`. The condition must be the same on all ranks.
inline void require(bool holds, char const* what) {
  if (!holds) throw Error(ExitCode::failed, std::string("linear algebra: ") + what);
}

/// Throws unless all matrices live on one grid (and its copies): ScaLAPACK would abort.
template <class First, class... Rest>
void require_one_grid(First const& first, Rest const&... rest) {
  require(((rest.grid().context() == first.grid().context()) && ...),
          "matrices of different process grids");
}

}  // namespace widelimit::linalg::detail
