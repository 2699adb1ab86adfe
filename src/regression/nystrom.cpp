#include <algorithm>
#include <limits>
#include <random>

#include "widelimit/linalg/local_cholesky.hpp"
#include "widelimit/regression/low_rank_factor.hpp"
#include "widelimit/runtime/agree.hpp"

namespace widelimit::regression {
namespace {

/// `count` of the numbers below n, sorted, each set as likely as any other.
std::vector<Index> draw(Index n, Index count, unsigned seed) {
  // Floyd's method; by hand, as distributions of the standard library differ between libraries.
  std::mt19937_64 bits(seed);
  std::vector<Index> chosen;
  std::vector<bool> taken(static_cast<std::size_t>(n));
  for (Index last = n - count; last < n; ++last) {
    auto const k = static_cast<Index>(bits() % static_cast<std::uint64_t>(last + 1));
    Index const pick = taken[static_cast<std::size_t>(k)] ? last : k;
    taken[static_cast<std::size_t>(pick)] = true;
  }
  for (Index k = 0; k < n; ++k)
    if (taken[static_cast<std::size_t>(k)]) chosen.push_back(k);
  return chosen;
}

}  // namespace

template <class Real>
LowRankFactor<Real> nystrom(linalg::RowBlocks const& rows, KernelColumns<Real> const& kernel,
                            Index rank, unsigned seed) {
  Range const mine = rows.mine();
  auto const landmarks = draw(rows.size(), rank, seed);
  LowRankFactor<Real> factor;
  factor.rank = rank;
  runtime::agree(rows.comm(), [&] {
    factor.rows.resize(static_cast<std::size_t>(mine.size() * rank));
    kernel.evaluate(mine, landmarks, factor.rows.data());
  });

  std::vector<double> core(static_cast<std::size_t>(rank * rank));
  double trace = 0;
  for (Index k = 0; k < rank; ++k) {
    Index const point = landmarks[static_cast<std::size_t>(k)];
    trace += kernel.diagonal(point);
    if (point < mine.begin || point >= mine.end) continue;
    std::copy_n(factor.rows.data() + (point - mine.begin) * rank, rank, core.data() + k * rank);
  }
  rows.comm().sum(core.data(), rank * rank);
  // A little more than rounding may have made of the smallest eigenvalues.
  double const step = 4 * std::numeric_limits<Real>::epsilon() * trace / static_cast<double>(rank);
  linalg::LocalCholesky const root(core, rank, 0, step);

  double missing = 0;
  constexpr Index height = 1024;
  std::vector<double> wide;
  for (Index begin = 0; begin < mine.size(); begin += height) {
    Index const count = std::min(height, mine.size() - begin);
    Real* const part = factor.rows.data() + begin * rank;
    wide.assign(part, part + count * rank);
    root.divide_right(wide.data(), count);
    for (Index i = 0; i < count; ++i) {
      missing += kernel.diagonal(mine.begin + begin + i);
      for (Index k = 0; k < rank; ++k) {
        double const entry = wide[static_cast<std::size_t>(i * rank + k)];
        missing -= entry * entry;
      }
    }
    std::copy(wide.begin(), wide.end(), part);
  }
  factor.missing_trace = std::max(0.0, rows.comm().sum(missing));
  return factor;
}

template LowRankFactor<float> nystrom(linalg::RowBlocks const&, KernelColumns<float> const&, Index,
                                      unsigned);
template LowRankFactor<double> nystrom(linalg::RowBlocks const&, KernelColumns<double> const&,
                                       Index, unsigned);

}  // namespace widelimit::regression
