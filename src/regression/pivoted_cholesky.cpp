#include <algorithm>
#include <cmath>
#include <limits>

#include <cblas.h>

#include "widelimit/linalg/local_cholesky.hpp"
#include "widelimit/regression/low_rank_factor.hpp"
#include "widelimit/runtime/agree.hpp"

namespace widelimit::regression {
namespace {

/// A block ends when its next pivot is below this share of its first.
constexpr double least_pivot = 0.25;

void subtract_product(Index m, Index n, Index k, float const* a, Index lda, float const* b,
                      float* c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), -1, a, static_cast<int>(lda), b, static_cast<int>(k), 1, c,
              static_cast<int>(n));
}
void subtract_product(Index m, Index n, Index k, double const* a, Index lda, double const* b,
                      double* c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), -1, a, static_cast<int>(lda), b, static_cast<int>(k), 1, c,
              static_cast<int>(n));
}

/// A point and what is left of its diagonal.
struct Candidate {
  double left;
  Index point;
  /// The more that is left the earlier; of equal ones the lower number.
  bool operator<(Candidate const& other) const {
    return left != other.left ? left > other.left : point < other.point;
  }
};

/// The `count` first candidates of all ranks, in order; the same on every rank.
std::vector<Candidate> first_candidates(linalg::RowBlocks const& rows,
                                        std::vector<double> const& left, Index count) {
  Range const mine = rows.mine();
  std::vector<Candidate> local;
  for (Index i = 0; i < mine.size(); ++i)
    local.push_back({left[static_cast<std::size_t>(i)], mine.begin + i});
  auto const most = static_cast<std::ptrdiff_t>(std::min<Index>(count, mine.size()));
  std::partial_sort(local.begin(), local.begin() + most, local.end());

  auto const ranks = static_cast<std::size_t>(rows.comm().size());
  auto const width = static_cast<std::size_t>(2 * count);
  std::vector<double> table(ranks * width);
  double* const slots = table.data() + static_cast<std::size_t>(rows.comm().rank()) * width;
  for (std::ptrdiff_t k = 0; k < most; ++k) {
    slots[2 * k] = local[static_cast<std::size_t>(k)].left;
    slots[2 * k + 1] = static_cast<double>(local[static_cast<std::size_t>(k)].point + 1);
  }
  rows.comm().sum(table.data(), static_cast<Index>(table.size()));
  std::vector<Candidate> all;
  for (std::size_t k = 0; k < table.size(); k += 2) {
    if (table[k + 1] > 0) all.push_back({table[k], static_cast<Index>(table[k + 1]) - 1});
  }
  std::sort(all.begin(), all.end());
  all.resize(std::min(all.size(), static_cast<std::size_t>(count)));
  return all;
}

/// Rows of a spread matrix with these numbers, in double, on every rank.
template <class Real>
std::vector<double> gather_rows(linalg::RowBlocks const& rows, Real const* local, Index ld,
                                Index width, std::vector<Index> const& points) {
  Range const mine = rows.mine();
  std::vector<double> gathered(points.size() * static_cast<std::size_t>(width));
  for (std::size_t k = 0; k < points.size(); ++k) {
    if (points[k] < mine.begin || points[k] >= mine.end) continue;
    std::copy_n(local + (points[k] - mine.begin) * ld, width,
                gathered.data() + k * static_cast<std::size_t>(width));
  }
  rows.comm().sum(gathered.data(), static_cast<Index>(gathered.size()));
  return gathered;
}

/// Pivots of a small matrix (row-major n x n) by Cholesky with diagonal pivoting, until one is below
/// `least` or there are `most`.
std::vector<Index> choose_pivots(std::vector<double> a, Index n, double least, Index most) {
  std::vector<Index> pivots;
  std::vector<bool> taken(static_cast<std::size_t>(n));
  auto const at = [&](Index i, Index j) -> double& {
    return a[static_cast<std::size_t>(i * n + j)];
  };
  while (static_cast<Index>(pivots.size()) < std::min(n, most)) {
    Index next = -1;
    for (Index i = 0; i < n; ++i) {
      if (!taken[static_cast<std::size_t>(i)] && (next < 0 || at(i, i) > at(next, next))) next = i;
    }
    if (!(at(next, next) > least)) break;
    taken[static_cast<std::size_t>(next)] = true;
    pivots.push_back(next);
    for (Index i = 0; i < n; ++i) {
      if (taken[static_cast<std::size_t>(i)]) continue;
      double const ratio = at(i, next) / at(next, next);
      for (Index j = 0; j < n; ++j) {
        if (!taken[static_cast<std::size_t>(j)]) at(i, j) -= ratio * at(next, j);
      }
    }
  }
  return pivots;
}

/// The factor as it grows.
template <class Real>
class Growth {
 public:
  Growth(linalg::RowBlocks const& rows, KernelColumns<Real> const& kernel, Index rank)
      : rows_(rows), kernel_(kernel), mine_(rows.mine()), rank_(rank) {
    runtime::agree(rows.comm(),
                   [&] { factor_.resize(static_cast<std::size_t>(mine_.size() * rank)); });
    for (Index i = mine_.begin; i < mine_.end; ++i) left_.push_back(kernel.diagonal(i));
    double largest = 0;
    for (double const left : left_) largest = std::max(largest, left);
    resolution_ = 16 * std::numeric_limits<Real>::epsilon() * rows.comm().max(largest);
  }

  /// Adds a block of columns; false where nothing is left above rounding.
  bool grow() {
    auto const candidates = first_candidates(rows_, left_, std::min(pivoted_block, rank_ - done_));
    if (candidates.empty() || !(candidates.front().left > resolution_)) return false;
    std::vector<Index> points;
    points.reserve(candidates.size());
    for (auto const& candidate : candidates) points.push_back(candidate.point);
    auto const width = static_cast<Index>(points.size());
    auto const rest = remainder(points);
    auto const core = gather_rows(rows_, rest.data(), width, width, points);
    double const least = std::max(resolution_, least_pivot * candidates.front().left);
    auto const pivots = choose_pivots(core, width, least, rank_ - done_);
    if (pivots.empty()) return false;
    append(rest, width, core, pivots);
    for (Index const pivot : pivots) close(points[static_cast<std::size_t>(pivot)]);
    return done_ < rank_;
  }

  LowRankFactor<Real> finish() && {
    LowRankFactor<Real> result;
    result.rank = done_;
    if (done_ < rank_) {  // close up the rows
      for (Index i = 0; i < mine_.size(); ++i)
        std::copy_n(factor_.data() + i * rank_, done_, factor_.data() + i * done_);
      factor_.resize(static_cast<std::size_t>(mine_.size() * done_));
    }
    result.rows = std::move(factor_);
    double sum = 0;
    for (double const left : left_) sum += left;
    result.missing_trace = rows_.comm().sum(sum);
    return result;
  }

 private:
  /// These columns of K - F·Fᵀ, this rank's rows.
  std::vector<Real> remainder(std::vector<Index> const& points) const {
    auto const width = static_cast<Index>(points.size());
    std::vector<Real> rest(static_cast<std::size_t>(mine_.size() * width));
    runtime::agree(rows_.comm(), [&] { kernel_.evaluate(mine_, points, rest.data()); });
    if (done_ == 0) return rest;
    auto const wide = gather_rows(rows_, factor_.data(), rank_, done_, points);
    std::vector<Real> const chosen(wide.begin(), wide.end());
    subtract_product(mine_.size(), width, done_, factor_.data(), rank_, chosen.data(), rest.data());
    return rest;
  }

  /// New columns: rest[:, pivots]·L⁻ᵀ with L·Lᵀ = core[pivots, pivots].
  void append(std::vector<Real> const& rest, Index width, std::vector<double> const& core,
              std::vector<Index> const& pivots) {
    auto const count = static_cast<Index>(pivots.size());
    std::vector<double> square(static_cast<std::size_t>(count * count));
    for (Index i = 0; i < count; ++i)
      for (Index j = 0; j < count; ++j)
        square[static_cast<std::size_t>(i * count + j)] =
            core[static_cast<std::size_t>(pivots[i] * width + pivots[j])];
    linalg::LocalCholesky const root(square, count, 0, resolution_);
    constexpr Index height = 1024;
    std::vector<double> wide(static_cast<std::size_t>(height * count));
    for (Index begin = 0; begin < mine_.size(); begin += height) {
      Index const part = std::min(height, mine_.size() - begin);
      for (Index i = 0; i < part; ++i)
        for (Index k = 0; k < count; ++k)
          wide[static_cast<std::size_t>(i * count + k)] =
              rest[static_cast<std::size_t>((begin + i) * width + pivots[k])];
      root.divide_right(wide.data(), part);
      for (Index i = 0; i < part; ++i) {
        double sum = 0;
        for (Index k = 0; k < count; ++k) {
          double const entry = wide[static_cast<std::size_t>(i * count + k)];
          factor_[static_cast<std::size_t>((begin + i) * rank_ + done_ + k)] =
              static_cast<Real>(entry);
          sum += entry * entry;
        }
        double& left = left_[static_cast<std::size_t>(begin + i)];
        left = std::max(0.0, left - sum);
      }
    }
    done_ += count;
  }

  /// Nothing is left of a landmark, but for rounding.
  void close(Index point) {
    if (point >= mine_.begin && point < mine_.end)
      left_[static_cast<std::size_t>(point - mine_.begin)] = 0;
  }

  linalg::RowBlocks const& rows_;
  KernelColumns<Real> const& kernel_;
  Range mine_;
  Index rank_, done_ = 0;
  std::vector<Real> factor_;
  std::vector<double> left_;
  double resolution_ = 0;
};

}  // namespace

template <class Real>
LowRankFactor<Real> pivoted_cholesky(linalg::RowBlocks const& rows,
                                     KernelColumns<Real> const& kernel, Index rank) {
  Growth<Real> growth(rows, kernel, rank);
  while (growth.grow()) {
  }
  return std::move(growth).finish();
}

template LowRankFactor<float> pivoted_cholesky(linalg::RowBlocks const&,
                                               KernelColumns<float> const&, Index);
template LowRankFactor<double> pivoted_cholesky(linalg::RowBlocks const&,
                                                KernelColumns<double> const&, Index);

}  // namespace widelimit::regression
