#include "widelimit/regression/preconditioner.hpp"

#include <algorithm>
#include <limits>

#include <cblas.h>

#include "widelimit/kernels/part_times_columns.hpp"
#include "widelimit/runtime/agree.hpp"

namespace widelimit::regression {
namespace {

using Host = Kokkos::DefaultHostExecutionSpace;

/// The part of the rows that each worker has, so that sums in order of the workers do not depend on
/// timing.
Range share_of(Index n, Index worker) {
  Index const workers = Host().concurrency();
  return {n * worker / workers, n * (worker + 1) / workers};
}

/// Calls f(worker, its rows) on each thread of this rank.
template <class F>
void for_each_worker(Index n, F const& f) {
  Kokkos::parallel_for(
      "widelimit::regression::rows",
      Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Static>>(0, Host().concurrency()),
      [&](Index worker) { f(worker, share_of(n, worker)); });
}

}  // namespace

template <class Real>
LowRankPreconditioner<Real>::LowRankPreconditioner(linalg::RowBlocks rows,
                                                   LowRankFactor<Real> factor, double ridge,
                                                   double mean_diagonal,
                                                   std::optional<BlocksOf<Real>> blocks)
    : rows_(std::move(rows)), factor_(std::move(factor)) {
  Index const k = factor_.rank, n = rows_.local_size();
  // Never below what the entries of F resolve.
  double const least = std::numeric_limits<Real>::epsilon() * mean_diagonal;
  auto const missing = static_cast<double>(std::max<Index>(1, rows_.size() - k));
  shift_ = ridge + std::max(least, factor_.missing_trace / missing);

  if (blocks) {
    runtime::agree(rows_.comm(), [&] {
      whitening_.emplace(blocks->kernel, rows_.mine(), factor_, shift_, blocks->size);
    });
  }
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
  inner_ = linalg::LocalCholesky(gram, k, inner_shift(), least);
}

template <class Real>
void LowRankPreconditioner<Real>::apply(double const* r, Index columns, double* z) const {
  if (!whitening_) return apply_low_rank(r, columns, z);
  std::vector<double> white(r, r + rows_.local_size() * columns);
  whitening_->apply(white.data(), columns);
  apply_low_rank(white.data(), columns, z);
  whitening_->apply_transposed(z, columns);
}

template <class Real>
void LowRankPreconditioner<Real>::apply_low_rank(double const* r, Index columns, double* z) const {
  using kernels::PartPass;
  using From = kernels::Columns<double const>;
  using To = kernels::Columns<double>;
  Index const k = factor_.rank, n = rows_.local_size();
  std::vector<std::vector<double>> shares(static_cast<std::size_t>(Host().concurrency()));
  for_each_worker(n, [&](Index worker, Range mine) {
    auto& sums = shares[static_cast<std::size_t>(worker)];
    sums.assign(static_cast<std::size_t>(k * columns), 0.0);
    kernels::part_times_columns<PartPass::columns>(
        factor_.rows.data() + mine.begin * k, k, mine.size(), k, columns, From{},
        From{r + mine.begin, n}, To{}, To{sums.data(), k});
  });
  auto& inner = shares.front();  // Fᵀr, then what the core makes of it
  for (std::size_t worker = 1; worker < shares.size(); ++worker)
    for (std::size_t i = 0; i < inner.size(); ++i) inner[i] += shares[worker][i];
  rows_.comm().sum(inner.data(), k * columns);
  inner_.solve(inner.data(), columns);
  for_each_worker(n, [&](Index, Range mine) {
    for (Index c = 0; c < columns; ++c)
      std::fill(z + c * n + mine.begin, z + c * n + mine.end, 0.0);
    kernels::part_times_columns<PartPass::rows>(factor_.rows.data() + mine.begin * k, k,
                                                mine.size(), k, columns, From{inner.data(), k},
                                                From{}, To{z + mine.begin, n}, To{});
    for (Index c = 0; c < columns; ++c)
      for (Index i = mine.begin; i < mine.end; ++i)
        z[c * n + i] = (r[c * n + i] - z[c * n + i]) / inner_shift();
  });
}

template class LowRankPreconditioner<float>;
template class LowRankPreconditioner<double>;

}  // namespace widelimit::regression
