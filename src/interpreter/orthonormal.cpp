#include "widelimit/interpreter/orthonormal.hpp"

#include <cmath>
#include <limits>

#include "widelimit/runtime/error.hpp"

namespace widelimit::interpreter {
namespace {

struct Factor {
  std::vector<Index> pivots;  ///< columns chosen, in order
  Small inverse;              ///< X(:, pivots)·inverse is orthonormal; upper triangular
};

/// Inverse of the upper triangular R.
Small inverse_of(Small const& r) {
  Index const n = r.rows();
  Small inverse(n, n);
  for (Index j = 0; j < n; ++j) {
    inverse(j, j) = 1 / r(j, j);
    for (Index i = j - 1; i >= 0; --i) {
      double sum = 0;
      for (Index k = i + 1; k <= j; ++k) sum += r(i, k) * inverse(k, j);
      inverse(i, j) = -sum / r(i, i);
    }
  }
  return inverse;
}

/// Cholesky factorisation of a Gram matrix with the pivot whose remaining square is the largest
/// part of `scale`, as long as that is above `least[column]`. Of parts that are equal but for
/// rounding (all, in an empty basis) the first is taken, so that rounding does not decide which
/// random column the image of a direction gets.
Factor pivoted_factor(Small const& gram, std::vector<double> const& scale,
                      std::vector<double> const& least) {
  constexpr double tie = 1e-3;
  Index const n = gram.rows();
  std::vector<double> remaining(static_cast<std::size_t>(n));
  for (Index j = 0; j < n; ++j) remaining[static_cast<std::size_t>(j)] = gram(j, j);
  Small rows(n, n);  // row k: products of pivot direction k with all columns
  Factor factor;
  for (Index k = 0; k < n; ++k) {
    Index best = -1;
    double best_part = 0;
    for (Index j = 0; j < n; ++j) {
      auto const s = static_cast<std::size_t>(j);
      double const part = remaining[s] / scale[s];
      if (remaining[s] > least[s] && part > (1 + tie) * best_part) {
        best = j;
        best_part = part;
      }
    }
    if (best < 0) break;
    double const length = std::sqrt(remaining[static_cast<std::size_t>(best)]);
    for (Index j = 0; j < n; ++j) {
      double value = gram(best, j);
      for (Index i = 0; i < k; ++i) value -= rows(i, best) * rows(i, j);
      rows(k, j) = value / length;
      remaining[static_cast<std::size_t>(j)] -= rows(k, j) * rows(k, j);
    }
    remaining[static_cast<std::size_t>(best)] = 0;
    factor.pivots.push_back(best);
  }
  auto const rank = static_cast<Index>(factor.pivots.size());
  Small r(rank, rank);
  for (Index j = 0; j < rank; ++j)
    for (Index i = 0; i <= j; ++i) r(i, j) = rows(i, factor.pivots[static_cast<std::size_t>(j)]);
  factor.inverse = inverse_of(r);
  return factor;
}

Factor plain_factor(Small const& gram) {
  Index const n = gram.rows();
  Small r(n, n);
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i <= j; ++i) {
      double value = gram(i, j);
      for (Index k = 0; k < i; ++k) value -= r(k, i) * r(k, j);
      if (i < j) {
        r(i, j) = value / r(i, i);
      } else if (value > 0) {
        r(j, j) = std::sqrt(value);
      } else {
        throw InputError(
            "the random columns of this run are not independent to working precision: "
            "there are too few particles for them (job.particles)");
      }
    }
  }
  return {{}, inverse_of(r)};
}

/// X ← X·S with S square.
template <class Real>
void multiply_right(Particles const& particles, Columns<Real> const& x, Small const& s) {
  auto const copy = make_columns<Real>(particles, s.rows());
  Kokkos::deep_copy(copy, x);
  add_product(particles, 1, copy, s, 0, x);
}

}  // namespace

template <class Real>
void orthonormalize(Particles const& particles, Columns<Real> const& x) {
  for (int pass = 0; pass < 2; ++pass)
    multiply_right(particles, x, plain_factor(inner(particles, x, x)).inverse);
}

template <class Real>
Small Basis<Real>::expand(Columns<Real> const& x, double tolerance) {
  auto const& particles = block_.particles();
  auto const count = static_cast<Index>(x.extent(1));
  auto [s, norms] = block_.inner_and_squares(x);
  double const least_part = tolerance * tolerance;
  auto const outside = [&](std::vector<double> const& squares, Small const& inside,
                           double rounding) {
    std::vector<Index> open;
    for (Index j = 0; j < count; ++j) {
      auto const k = static_cast<std::size_t>(j);
      double rest = squares[k] + rounding * norms[k];
      for (Index i = 0; i < inside.rows(); ++i) rest -= inside(i, j) * inside(i, j);
      if (rest > least_part * norms[k]) open.push_back(j);
    }
    return open;
  };
  // What the difference of squares is known to, far above its rounding.
  constexpr double known = std::is_same_v<Real, float> ? 1e-5 : 1e-13;
  if (outside(norms, s, known).empty()) return s;

  auto const [correction, left_squares] = block_.subtract_then_inner(s, x);
  for (Index i = 0; i < s.rows() * s.cols(); ++i) s.data()[i] += correction.data()[i];
  auto open = outside(left_squares, correction, 0);  // also after the correction
  if (open.empty()) return s;

  auto left = select(particles, x, open);
  Small open_correction(correction.rows(), static_cast<Index>(open.size()));
  for (std::size_t k = 0; k < open.size(); ++k)
    for (Index i = 0; i < correction.rows(); ++i)
      open_correction(i, static_cast<Index>(k)) = correction(i, open[k]);
  block_.add_product(-1, open_correction, left);

  // A Gram matrix tells directions apart only down to the root of its rounding: columns that lose
  // more than this part of their square wait for the next round, when they are known better.
  constexpr double reliable = std::is_same_v<Real, float> ? 1e-3 : 1e-6;
  while (!open.empty()) {
    auto const n = static_cast<Index>(open.size());
    Small const gram = inner(particles, left, left);
    std::vector<double> scale, least;
    for (Index k = 0; k < n; ++k) {
      double const norm = norms[static_cast<std::size_t>(open[static_cast<std::size_t>(k)])];
      scale.push_back(norm);
      least.push_back(std::max(least_part * norm, reliable * gram(k, k)));
    }
    Factor const factor = pivoted_factor(gram, scale, least);
    if (factor.pivots.empty()) break;
    auto const rank = static_cast<Index>(factor.pivots.size());
    auto const fresh = make_columns<Real>(particles, rank);
    add_product(particles, 1, select(particles, left, factor.pivots), factor.inverse, 0, fresh);
    block_.add_product(-1, block_.inner(fresh), fresh);
    orthonormalize(particles, fresh);

    Small const parts = inner(particles, fresh, left);
    add_product(particles, -1, fresh, parts, 1, left);
    Index const before = block_.columns();
    block_.append(fresh);
    s.grow(block_.columns(), count);
    for (Index k = 0; k < n; ++k)
      for (Index i = 0; i < rank; ++i)
        s(before + i, open[static_cast<std::size_t>(k)]) = parts(i, k);

    auto rest = means(particles, left, 2);
    for (Index const pivot : factor.pivots) rest[static_cast<std::size_t>(pivot)] = 0;
    std::vector<Index> still, which;
    for (Index k = 0; k < n; ++k) {
      if (!(rest[static_cast<std::size_t>(k)] > least_part * scale[static_cast<std::size_t>(k)]))
        continue;
      which.push_back(k);
      still.push_back(open[static_cast<std::size_t>(k)]);
    }
    left = select(particles, left, which);
    open = std::move(still);
  }
  return s;
}

template void orthonormalize(Particles const&, Columns<float> const&);
template void orthonormalize(Particles const&, Columns<double> const&);
template class Basis<float>;
template class Basis<double>;

}  // namespace widelimit::interpreter
