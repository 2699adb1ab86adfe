#include "widelimit/linalg/definiteness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/lanczos.hpp"

namespace widelimit::linalg {
namespace {

constexpr int lanczos_steps = 40;
constexpr int inverse_steps = 20;

ReplicatedMatrix as_column(std::vector<double> const& x) {
  ReplicatedMatrix column;
  column.rows = static_cast<Index>(x.size());
  column.cols = 1;
  column.values = x;
  return column;
}

}  // namespace

template <class Real>
Definiteness assess_definiteness(SymmetricFactor<Real>& a) {
  Definiteness result;
  auto const ends = lanczos(a.comm(), a.size(), lanczos_steps, [&](std::vector<double> const& x) {
    return a.multiply(as_column(x)).values;
  });
  result.largest_eigenvalue = ends.max;
  // Rounding errors of the factorisation scale with the diagonal and add up at random.
  double scale = std::abs(a.largest_diagonal());
  if (scale == 0) scale = ends.max > 0 ? ends.max : 1;
  double const eps = std::numeric_limits<Real>::epsilon();
  result.resolution = 4 * eps * std::sqrt(static_cast<double>(a.size())) * scale;

  // A condition number above 1/(4 eps) would leave a solve without correct digits to refine.
  double shift = std::max(result.resolution, 4 * eps * ends.max) + 1.5 * std::max(0.0, -ends.min);
  for (int attempt = 0; !a.factorize(shift).ok(); ++attempt) {
    detail::require(attempt < 40, "no shift makes a matrix positive definite");
    shift *= 10;
  }
  auto const inverse =
      lanczos(a.comm(), a.size(), inverse_steps,
              [&](std::vector<double> const& x) { return a.solve(as_column(x)).values; });
  result.smallest_eigenvalue = 1 / inverse.max - shift;
  result.sufficient_shift = shift;
  return result;
}

template Definiteness assess_definiteness(SymmetricFactor<float>&);
template Definiteness assess_definiteness(SymmetricFactor<double>&);

}  // namespace widelimit::linalg
