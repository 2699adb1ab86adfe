#include "widelimit/regression/clusters.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <Kokkos_Core.hpp>
#include <cblas.h>

namespace widelimit::regression {
namespace {

template <class Real>
class Halving {
 public:
  Halving(Real const* f, Index n, Index rank)
      : f_(f), rank_(rank), place_(static_cast<std::size_t>(n)) {
    result_.order.resize(static_cast<std::size_t>(n));
    std::iota(result_.order.begin(), result_.order.end(), Index{0});
  }

  /// Divides these of the ordered rows into as many groups, the first ones of which are in place.
  void divide(Range rows, Index groups) {
    if (groups == 1) {
      result_.begins.push_back(rows.begin);
      return;
    }
    Index const half = groups / 2, middle = rows.begin + rows.size() * half / groups;
    project(rows);
    auto const at = [this](Index k) { return result_.order.begin() + k; };
    std::nth_element(at(rows.begin), at(middle), at(rows.end), [this](Index a, Index b) {
      double const x = place_[static_cast<std::size_t>(a)], y = place_[static_cast<std::size_t>(b)];
      return x != y ? x < y : a < b;
    });
    // A group's order is what it was, whatever nth_element did.
    std::sort(at(rows.begin), at(middle));
    std::sort(at(middle), at(rows.end));
    divide({rows.begin, middle}, half);
    divide({middle, rows.end}, groups - half);
  }

  Clusters finish() && {
    result_.begins.push_back(static_cast<Index>(result_.order.size()));
    return std::move(result_);
  }

 private:
  Real const* row(Index k) const { return f_ + result_.order[static_cast<std::size_t>(k)] * rank_; }

  /// Where rows lie along the direction.
  void project(Range rows) {
    auto const direction = principal_direction(rows);
    Kokkos::parallel_for(
        "widelimit::regression::project",
        Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(rows.begin, rows.end), [&](Index k) {
          Real const* const from = row(k);
          Real sum = 0;
#pragma omp simd reduction(+ : sum)
          for (Index j = 0; j < rank_; ++j) sum += from[j] * direction[static_cast<std::size_t>(j)];
          place_[static_cast<std::size_t>(result_.order[static_cast<std::size_t>(k)])] = sum;
        });
  }

  /// Roughly, by power iteration on some of the rows: any direction in which rows vary much does.
  std::vector<Real> principal_direction(Range rows) const {
    constexpr Index most = 256;
    constexpr int iterations = 6;
    Index const count = std::min(most, rows.size());
    int const m = static_cast<int>(count), n = static_cast<int>(rank_);
    std::vector<double> sample, mean(static_cast<std::size_t>(rank_));
    for (Index k = 0; k < count; ++k) {
      Real const* const from = row(rows.begin + k * rows.size() / count);
      sample.insert(sample.end(), from, from + rank_);
      for (Index j = 0; j < rank_; ++j)
        mean[static_cast<std::size_t>(j)] += static_cast<double>(from[j]) / m;
    }
    std::vector<double> along(static_cast<std::size_t>(count), 1), direction(mean.size());
    cblas_dger(CblasRowMajor, m, n, -1, along.data(), 1, mean.data(), 1, sample.data(), n);
    // To begin with, the row that is farthest from the mean.
    double farthest = -1;
    for (Index k = 0; k < count; ++k) {
      double const* const from = sample.data() + k * rank_;
      double const distance = cblas_dnrm2(n, from, 1);
      if (distance <= farthest) continue;
      farthest = distance;
      std::copy_n(from, rank_, direction.begin());
    }
    for (int k = 0; k < iterations; ++k) {
      double const norm = cblas_dnrm2(n, direction.data(), 1);
      if (!(norm > 0)) break;  // equal rows
      cblas_dscal(n, 1 / norm, direction.data(), 1);
      cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1, sample.data(), n, direction.data(), 1, 0,
                  along.data(), 1);
      cblas_dgemv(CblasRowMajor, CblasTrans, m, n, 1, sample.data(), n, along.data(), 1, 0,
                  direction.data(), 1);
    }
    return {direction.begin(), direction.end()};
  }

  Real const* f_;
  Index rank_;
  std::vector<double> place_;
  Clusters result_;
};

}  // namespace

template <class Real>
Clusters cluster_rows(Real const* f, Index n, Index rank, Index size) {
  Halving<Real> halving(f, n, rank);
  if (n > 0) halving.divide({0, n}, (n + size - 1) / size);
  return std::move(halving).finish();
}

template Clusters cluster_rows(float const*, Index, Index, Index);
template Clusters cluster_rows(double const*, Index, Index, Index);

}  // namespace widelimit::regression
