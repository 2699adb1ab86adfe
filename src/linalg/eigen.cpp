#include "widelimit/linalg/eigen.hpp"

#include <cmath>

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/detail/scalapack.hpp"

namespace widelimit::linalg {
namespace {

constexpr int one = 1;
constexpr Index largest_on_one_rank = 32000;  // 2·N² numbers of workspace, counted in 32 bits

/// Not a number spreads through the recursions of LAPACK, which may then not end.
void require_finite(DistributedMatrix<double> const& a) {
  bool finite = true;
  a.for_each_block(Part::lower, [&](Range rows, Range cols, double const* entries, Index ld) {
    for (Index j = 0; j < cols.size(); ++j)
      for (Index i = std::max<Index>(0, cols.begin + j - rows.begin); i < rows.size(); ++i)
        finite = finite && std::isfinite(entries[i + j * ld]);
  });
  if (a.grid().comm().first_rank_where(!finite) >= 0)
    throw InputError(
        "the kernel of the training points has entries that are not numbers; look for infinite or "
        "undefined values among the inputs, and for layers whose weights make the variance "
        "overflow");
}

int on_one_rank(DistributedMatrix<double>& a, std::vector<double>& values) {
  int const n = static_cast<int>(a.rows()), ld = static_cast<int>(a.ld());
  int info = 0, integers = 0, query = -1;
  double reals = 0;
  dsyevd_("V", "L", &n, a.data(), &ld, values.data(), &reals, &query, &integers, &query, &info, 1,
          1);
  std::vector<double> work(static_cast<std::size_t>(reals));
  std::vector<int> integer_work(static_cast<std::size_t>(integers));
  int const size = static_cast<int>(work.size());
  dsyevd_("V", "L", &n, a.data(), &ld, values.data(), work.data(), &size, integer_work.data(),
          &integers, &info, 1, 1);
  return info;
}

int on_many_ranks(DistributedMatrix<double>& a, std::vector<double>& values,
                  DistributedMatrix<double>& vectors) {
  int const n = static_cast<int>(a.rows());
  auto const desc_a = a.descriptor(), desc_z = vectors.descriptor();
  int info = 0, integers = 0, query = -1;
  double reals = 0;
  pdsyevd_("V", "L", &n, a.data(), &one, &one, desc_a.data(), values.data(), vectors.data(), &one,
           &one, desc_z.data(), &reals, &query, &integers, &query, &info, 1, 1);
  // The query forgets what pdormtr needs where a matrix has few blocks.
  Index const more = a.block() * (3 * a.block() + a.local_rows() + a.local_cols());
  std::vector<double> work(static_cast<std::size_t>(reals) + static_cast<std::size_t>(more));
  std::vector<int> integer_work(static_cast<std::size_t>(integers));
  int const size = static_cast<int>(work.size());
  int const integer_size = static_cast<int>(integer_work.size());
  pdsyevd_("V", "L", &n, a.data(), &one, &one, desc_a.data(), values.data(), vectors.data(), &one,
           &one, desc_z.data(), work.data(), &size, integer_work.data(), &integer_size, &info, 1,
           1);
  return info;
}

}  // namespace

Eigensystem symmetric_eigen(DistributedMatrix<double> a) {
  detail::require(a.rows() == a.cols(), "eigenvalues of a matrix that is not square");
  Index const n = a.rows();
  std::vector<double> values(static_cast<std::size_t>(n));
  if (n == 0) return {values, std::move(a)};
  require_finite(a);
  auto const& comm = a.grid().comm();
  int info = 0;
  if (a.grid().size() == 1) {
    if (n > largest_on_one_rank)
      throw InputError("an eigendecomposition of " + std::to_string(n) +
                       " points on one rank is beyond LAPACK's integers; use two or more ranks");
    info = on_one_rank(a, values);
    detail::require(info == 0, "an eigendecomposition did not converge");
    return {std::move(values), std::move(a)};
  }
  DistributedMatrix<double> vectors(a.grid(), n, n, a.block());
  info = on_many_ranks(a, values, vectors);
  detail::require(comm.max(Index{info}) == 0 && comm.min(Index{info}) == 0,
                  "an eigendecomposition did not converge");
  comm.broadcast(values.data(), n * static_cast<Index>(sizeof(double)));
  return {std::move(values), std::move(vectors)};
}

}  // namespace widelimit::linalg
