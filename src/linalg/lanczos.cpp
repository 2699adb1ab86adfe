#include "widelimit/linalg/lanczos.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include <cblas.h>

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/detail/scalapack.hpp"

namespace widelimit::linalg {
namespace {

using Vector = std::vector<double>;

Vector random_unit_vector(Index size) {
  std::mt19937_64 bits(20210507);
  Vector v(static_cast<std::size_t>(size));
  for (double& entry : v) entry = static_cast<double>(bits()) * 0x1p-63 - 1;
  int const n = static_cast<int>(size);
  cblas_dscal(n, 1 / cblas_dnrm2(n, v.data(), 1), v.data(), 1);
  return v;
}

SpectrumEnds tridiagonal_ends(Vector diagonal, Vector off_diagonal) {
  int const n = static_cast<int>(diagonal.size());
  int const ld = 1;
  int info = 0;
  double unused = 0;
  off_diagonal.resize(diagonal.size());
  dstev_("N", &n, diagonal.data(), off_diagonal.data(), &unused, &ld, &unused, &info, 1);
  detail::require(info == 0, "the eigenvalues of a tridiagonal matrix did not converge");
  return {diagonal.front(), diagonal.back()};
}

}  // namespace

SpectrumEnds lanczos(runtime::Communicator const& comm, Index size, int steps,
                     std::function<Vector(Vector const&)> const& apply) {
  detail::require(size > 0 && steps > 0, "eigenvalues of an empty matrix");
  int const n = static_cast<int>(size);
  std::vector<Vector> basis{random_unit_vector(size)};
  Vector alpha;
  Vector beta;
  double scale = 0;
  while (true) {
    Vector next = apply(basis.back());
    // Ranks may have summed in different orders: all go on from the same bits, and stop together.
    comm.broadcast(next.data(), size * static_cast<Index>(sizeof(double)));
    alpha.push_back(cblas_ddot(n, next.data(), 1, basis.back().data(), 1));
    for (int pass = 0; pass < 2; ++pass)
      for (Vector const& v : basis)
        cblas_daxpy(n, -cblas_ddot(n, next.data(), 1, v.data(), 1), v.data(), 1, next.data(), 1);
    double const norm = cblas_dnrm2(n, next.data(), 1);
    scale = std::max({scale, std::abs(alpha.back()), norm});
    bool const invariant = norm <= 100 * std::numeric_limits<double>::epsilon() * scale;
    int stop = invariant || static_cast<int>(basis.size()) == std::min<Index>(steps, size);
    comm.broadcast(&stop, sizeof stop);
    if (stop != 0) break;
    cblas_dscal(n, 1 / norm, next.data(), 1);
    beta.push_back(norm);
    basis.push_back(std::move(next));
  }
  return tridiagonal_ends(std::move(alpha), std::move(beta));
}

}  // namespace widelimit::linalg
