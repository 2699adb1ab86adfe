#include "widelimit/linalg/row_blocks.hpp"

#include "linalg/local_blas.hpp"

namespace widelimit::linalg {

std::pair<std::vector<int>, std::vector<int>> RowBlocks::counts() const {
  std::vector<int> sizes, firsts;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    sizes.push_back(static_cast<int>(of(rank).size()));
    firsts.push_back(static_cast<int>(of(rank).begin));
  }
  return {std::move(sizes), std::move(firsts)};
}

void RowBlocks::gather(double const* local, Index columns, double* whole) const {
  auto const [sizes, firsts] = counts();
  int const mine = static_cast<int>(local_size());
  for (Index c = 0; c < columns; ++c) {
    WIDELIMIT_MPI(MPI_Allgatherv(local + c * local_size(), mine, MPI_DOUBLE, whole + c * n_,
                                 sizes.data(), firsts.data(), MPI_DOUBLE, comm_.get()));
  }
}

void RowBlocks::sum_scatter(double const* whole, Index columns, double* local) const {
  auto const [sizes, firsts] = counts();
  for (Index c = 0; c < columns; ++c) {
    WIDELIMIT_MPI(MPI_Reduce_scatter(whole + c * n_, local + c * local_size(), sizes.data(),
                                     MPI_DOUBLE, MPI_SUM, comm_.get()));
  }
}

std::vector<double> RowBlocks::dots(double const* a, double const* b, Index columns) const {
  Index const n = local_size();
  std::vector<double> sums(static_cast<std::size_t>(columns));
  for (Index c = 0; c < columns; ++c) {
    double const* const x = a + c * n;
    double const* const y = b + c * n;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index i = 0; i < n; ++i) sum += x[i] * y[i];
    sums[static_cast<std::size_t>(c)] = sum;
  }
  comm_.sum(sums.data(), columns);
  return sums;
}

std::vector<double> RowBlocks::products(double const* a, Index k, double const* b, Index l) const {
  Index const n = local_size();
  std::vector<double> sums(static_cast<std::size_t>(k * l));
  if (n > 0 && k > 0 && l > 0)
    detail::gemm(true, false, k, l, n, 1.0, a, n, b, n, 0.0, sums.data(), k);
  comm_.sum(sums.data(), k * l);
  return sums;
}

}  // namespace widelimit::linalg
