/// \file
/// Some columns of arrays.
#pragma once

#include <algorithm>

#include "widelimit/interpreter/column_block.hpp"

namespace widelimit::interpreter::detail {

template <class Real>
Columns<Real> part(Columns<Real> const& x, Index begin, Index count) {
  return Kokkos::subview(x, Kokkos::ALL, std::pair(begin, begin + count));
}

inline Small part(Small const& s, Index begin, Index count) {
  Small result(s.rows(), count);
  std::copy_n(s.data() + begin * s.rows(), s.rows() * count, result.data());
  return result;
}

inline Small transposed(Small const& s) {
  Small result(s.cols(), s.rows());
  for (Index j = 0; j < s.cols(); ++j)
    for (Index i = 0; i < s.rows(); ++i) result(j, i) = s(i, j);
  return result;
}

}  // namespace widelimit::interpreter::detail
