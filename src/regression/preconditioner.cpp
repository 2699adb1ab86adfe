#include "widelimit/regression/preconditioner.hpp"

#include <algorithm>
#include <limits>

#include <cblas.h>

#include "widelimit/runtime/agree.hpp"

namespace widelimit::regression {
namespace {

using Host = Kokkos::DefaultHostExecutionSpace;

/// Rows that are widened to double at a time: they stay in cache.
constexpr Index chunk = 64;

/// Splits `n` rows evenly over the threads of this rank, so that sums in order of the workers do not
/// depend on timing. Calls f(worker, rows) on each; OpenBLAS runs single-threaded within.
template <class F>
void for_each_worker(Index n, F const& f) {
  Index const workers = Host().concurrency();
  Kokkos::parallel_for("widelimit::regression::rows",
                       Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Static>>(0, workers),
                       [&](Index worker) {
                         f(worker, Range{n * worker / workers, n * (worker + 1) / workers});
                       });
}

/// Calls f(first row, number of rows, their entries in double) for chunks of `rows`.
template <class Real, class F>
void for_each_chunk(LowRankFactor<Real> const& factor, Range rows, F const& f) {
  Index const k = factor.rank;
  std::vector<double> wide(static_cast<std::size_t>(chunk * k));
  for (Index begin = rows.begin; begin < rows.end; begin += chunk) {
    Index const height = std::min(chunk, rows.end - begin);
    std::copy_n(factor.rows.data() + begin * k, height * k, wide.data());
    f(begin, height, wide.data());
  }
}

/// Σ over workers, each with `size` numbers of its own, then over ranks.
std::vector<double> sum_workers(runtime::Communicator const& comm, Index size,
                                std::function<void(Index, double*)> const& fill) {
  Index const workers = Host().concurrency();
  std::vector<std::vector<double>> shares(static_cast<std::size_t>(workers));
  Kokkos::parallel_for("widelimit::regression::shares",
                       Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Static>>(0, workers),
                       [&](Index worker) {
                         auto& mine = shares[static_cast<std::size_t>(worker)];
                         mine.assign(static_cast<std::size_t>(size), 0.0);
                         fill(worker, mine.data());
                       });
  for (std::size_t w = 1; w < shares.size(); ++w)
    for (std::size_t i = 0; i < shares[0].size(); ++i) shares[0][i] += shares[w][i];
  comm.sum(shares[0].data(), size);
  return std::move(shares[0]);
}

Range share_of(Index n, Index worker) {
  Index const workers = Host().concurrency();
  return {n * worker / workers, n * (worker + 1) / workers};
}

}  // namespace

template <class Real>
LowRankPreconditioner<Real>::LowRankPreconditioner(linalg::RowBlocks rows,
                                                   LowRankFactor<Real> factor, double ridge,
                                                   double mean_diagonal)
    : rows_(std::move(rows)), factor_(std::move(factor)) {
  Index const k = factor_.rank, n = rows_.local_size();
  // Never below what the entries of F resolve.
  double const least = std::numeric_limits<Real>::epsilon() * mean_diagonal;
  auto const missing = static_cast<double>(std::max<Index>(1, rows_.size() - k));
  shift_ = ridge + std::max(least, factor_.missing_trace / missing);

  std::vector<double> gram(static_cast<std::size_t>(k * k));
  std::vector<double> wide;
  constexpr Index height = 1024;  // one product of many threads at a time
  for (Index begin = 0; begin < n; begin += height) {
    Index const count = std::min(height, n - begin);
    wide.assign(factor_.rows.begin() + begin * k, factor_.rows.begin() + (begin + count) * k);
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, static_cast<int>(k),
                static_cast<int>(count), 1, wide.data(), static_cast<int>(k), 1, gram.data(),
                static_cast<int>(k));
  }
  rows_.comm().sum(gram.data(), k * k);
  inner_ = linalg::LocalCholesky(gram, k, shift_, least);
}

template <class Real>
void LowRankPreconditioner<Real>::apply(double const* r, Index columns, double* z) const {
  Index const k = factor_.rank, n = rows_.local_size();
  int const width = static_cast<int>(k), count = static_cast<int>(columns),
            ld = static_cast<int>(n);
  auto const product = [&](Index worker, double* sums) {
    for_each_chunk(factor_, share_of(n, worker), [&](Index begin, Index height, double const* f) {
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, width, count, static_cast<int>(height),
                  1, f, width, r + begin, ld, 1, sums, width);
    });
  };
  auto inner = sum_workers(rows_.comm(), k * columns, product);
  inner_.solve(inner.data(), columns);
  for_each_worker(n, [&](Index, Range mine) {
    for_each_chunk(factor_, mine, [&](Index begin, Index height, double const* f) {
      for (Index c = 0; c < columns; ++c) std::copy_n(r + begin + c * n, height, z + begin + c * n);
      cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, static_cast<int>(height), count, width,
                  -1 / shift_, f, width, inner.data(), width, 1 / shift_, z + begin, ld);
    });
  });
}

template class LowRankPreconditioner<float>;
template class LowRankPreconditioner<double>;

}  // namespace widelimit::regression
