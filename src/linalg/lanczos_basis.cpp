#include "widelimit/linalg/lanczos_basis.hpp"

#include <cmath>
#include <limits>

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/detail/scalapack.hpp"

namespace widelimit::linalg {
namespace {

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

double TridiagonalEigen::entry(Index row, std::vector<double> const& f) const {
  double sum = 0;
  for (Index k = 0; k < size(); ++k) sum += vectors[at(k * size() + row)] * f[at(k)] * first(k);
  return sum;
}

LanczosBasis::LanczosBasis(RowBlocks rows, double const* start, Index columns)
    : rows_(std::move(rows)),
      columns_(columns),
      norm_(rows_.dots(start, start, columns)),
      alpha_(at(columns)),
      beta_(at(columns)),
      scale_(at(columns)) {
  Index const n = rows_.local_size();
  std::vector<double> first(start, start + n * columns);
  for (Index c = 0; c < columns; ++c) {
    norm_[at(c)] = std::sqrt(norm_[at(c)]);
    double const factor = norm_[at(c)] > 0 ? 1 / norm_[at(c)] : 0;
    for (Index i = 0; i < n; ++i) first[at(i + c * n)] *= factor;
  }
  vectors_.push_back(std::move(first));
}

void LanczosBasis::orthogonalize(std::vector<double>& next, std::vector<double>& diagonal) const {
  Index const n = rows_.local_size(), count = static_cast<Index>(vectors_.size());
  std::vector<double> dots(at(count * columns_));
  diagonal.assign(at(columns_), 0);
  for (int pass = 0; pass < 2; ++pass) {
    for (Index j = 0; j < count; ++j) {
      for (Index c = 0; c < columns_; ++c) {
        double const* const v = vectors_[at(j)].data() + c * n;
        double const* const w = next.data() + c * n;
        double sum = 0;
#pragma omp simd reduction(+ : sum)
        for (Index i = 0; i < n; ++i) sum += v[i] * w[i];
        dots[at(j * columns_ + c)] = sum;
      }
    }
    rows_.comm().sum(dots.data(), count * columns_);
    for (Index j = 0; j < count; ++j) {
      for (Index c = 0; c < columns_; ++c) {
        double const dot = dots[at(j * columns_ + c)];
        double const* const v = vectors_[at(j)].data() + c * n;
        double* const w = next.data() + c * n;
        for (Index i = 0; i < n; ++i) w[i] -= dot * v[i];
        if (j + 1 == count) diagonal[at(c)] += dot;
      }
    }
  }
}

bool LanczosBasis::extend(Product const& product) {
  Index const n = rows_.local_size();
  std::vector<double> next(vectors_.back().size()), diagonal;
  if (!product(vectors_.back().data(), columns_, next.data())) return false;
  orthogonalize(next, diagonal);
  auto const squares = rows_.dots(next.data(), next.data(), columns_);
  for (Index c = 0; c < columns_; ++c) {
    // A column whose space is exhausted goes on with zeros, and its T stays.
    bool const ended = beta_[at(c)].empty() ? norm_[at(c)] == 0 : beta_[at(c)].back() == 0;
    double norm = std::sqrt(squares[at(c)]);
    if (!ended) {
      scale_[at(c)] = std::max({scale_[at(c)], std::abs(diagonal[at(c)]), norm});
      bool const invariant = norm <= 100 * std::numeric_limits<double>::epsilon() * scale_[at(c)];
      if (invariant) norm = 0;
      alpha_[at(c)].push_back(diagonal[at(c)]);
      beta_[at(c)].push_back(norm);
    } else {
      norm = 0;
    }
    for (Index i = 0; i < n; ++i) next[at(i + c * n)] *= norm > 0 ? 1 / norm : 0;
  }
  vectors_.push_back(std::move(next));
  return true;
}

TridiagonalEigen LanczosBasis::ritz(Index column) const {
  TridiagonalEigen eigen;
  eigen.values = alpha_[at(column)];
  auto off_diagonal = beta_[at(column)];
  int const m = static_cast<int>(eigen.values.size());
  if (m == 0) return eigen;
  eigen.vectors.resize(at(Index{m} * m));
  std::vector<double> work(at(2 * m));
  int info = 0;
  dstev_("V", &m, eigen.values.data(), off_diagonal.data(), eigen.vectors.data(), &m, work.data(),
         &info, 1);
  detail::require(info == 0, "the eigenvalues of a tridiagonal matrix did not converge");
  return eigen;
}

double LanczosBasis::coupling(Index column) const {
  auto const& beta = beta_[at(column)];
  return beta.empty() ? norm_[at(column)] : beta.back();
}

void LanczosBasis::add_combination(Index column, std::vector<double> const& w, double* to) const {
  Index const n = rows_.local_size();
  for (std::size_t j = 0; j < w.size(); ++j) {
    double const* const v = vectors_[j].data() + column * n;
    for (Index i = 0; i < n; ++i) to[i] += w[j] * v[i];
  }
}

}  // namespace widelimit::linalg
