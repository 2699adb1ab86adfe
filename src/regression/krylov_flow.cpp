#include "widelimit/regression/krylov_flow.hpp"

#include <algorithm>
#include <cmath>

namespace widelimit::regression {
namespace {

using linalg::LanczosBasis;
using linalg::TridiagonalEigen;

constexpr Index look_every = 5;  // vectors, between two looks at the bound

std::vector<double> coefficients(GradientFlow const& law, TridiagonalEigen const& ritz,
                                 double span) {
  std::vector<double> c;
  for (double const value : ritz.values) c.push_back(law.coefficient(value, span));
  return c;
}

}  // namespace

double KrylovFlow::bound(LanczosBasis const& basis, std::vector<TridiagonalEigen> const& ritz,
                         double span, std::vector<double> const& scale) const {
  double worst = 0;
  for (Index c = 0; c < columns_; ++c) {
    auto const& t = ritz[static_cast<std::size_t>(c)];
    double const beta = basis.coupling(c);
    if (t.size() == 0 || beta == 0) continue;
    double const one = basis.norm(c) * beta *
                       std::abs(t.entry(t.size() - 1, coefficients(law_, t, span))) /
                       scale[static_cast<std::size_t>(c)];
    if (!(one <= worst)) worst = one;
  }
  return worst;
}

void KrylovFlow::move(LanczosBasis const& basis, std::vector<TridiagonalEigen> const& ritz,
                      double span, std::vector<double>& a, std::vector<double>& residual) const {
  Index const n = rows_.local_size();
  std::ranges::fill(residual, 0.0);
  for (Index c = 0; c < columns_; ++c) {
    auto const& t = ritz[static_cast<std::size_t>(c)];
    auto const gained = coefficients(law_, t, span);
    std::vector<double> left, to_a, to_residual;
    for (double const value : t.values) left.push_back(law_.remaining(value, span));
    for (Index j = 0; j < t.size(); ++j) {
      to_a.push_back(basis.norm(c) * t.entry(j, gained));
      to_residual.push_back(basis.norm(c) * t.entry(j, left));
    }
    basis.add_combination(c, to_a, a.data() + c * n);
    basis.add_combination(c, to_residual, residual.data() + c * n);
  }
}

KrylovFlow::End KrylovFlow::run(KrylovState& state, std::vector<double> times,
                                std::vector<double> const& scale, Visitor const& visit) const {
  auto const ritz_of = [&](LanczosBasis const& basis) {
    std::vector<TridiagonalEigen> ritz;
    for (Index c = 0; c < columns_; ++c) ritz.push_back(basis.ritz(c));
    return ritz;
  };
  auto const span_to = [&](double time) { return time - state.time; };
  double last_bound_at_infinity = 1;
  while (!times.empty()) {
    LanczosBasis basis(rows_, state.residual.data(), columns_);
    auto ritz = ritz_of(basis);
    double error = 1;
    while (error > options_.tolerance && basis.size() < options_.most_vectors) {
      if (!basis.extend(product_)) return End::interrupted;
      ++state.products;
      if (basis.size() % look_every != 0 && basis.size() < options_.most_vectors) continue;
      ritz = ritz_of(basis);
      error = bound(basis, ritz, span_to(times.back()), scale);
    }
    ritz = ritz_of(basis);
    auto a = state.a, residual = state.residual;
    auto const reached = [&](double time) {
      return bound(basis, ritz, span_to(time), scale) <= options_.tolerance;
    };
    while (!times.empty() && reached(times.front())) {
      a = state.a;
      move(basis, ritz, span_to(times.front()), a, residual);
      visit(times.front(), a, residual);
      times.erase(times.begin());
    }
    if (times.empty()) {
      state.error += error;
      return End::reached;
    }
    // The basis is full: as far as it is exact, then a new one.
    if (law_.momentum) return End::stagnated;
    double span = span_to(times.front());
    if (span == GradientFlow::forever) {
      double const now = bound(basis, ritz, span, scale);
      if (!(now < 0.5 * last_bound_at_infinity)) return End::stagnated;
      last_bound_at_infinity = now;
    } else {
      double exact = 0, beyond = span;
      for (int halving = 0; halving < 40 && beyond - exact > 1e-3 * beyond; ++halving) {
        double const middle = (exact + beyond) / 2;
        (bound(basis, ritz, middle, scale) <= options_.tolerance ? exact : beyond) = middle;
      }
      if (exact == 0) return End::stagnated;
      span = exact;
      state.error += bound(basis, ritz, span, scale);
      state.time += span;
    }
    auto const before = state.a;
    auto const residual_before = state.residual;
    move(basis, ritz, span, state.a, state.residual);
    if (span != GradientFlow::forever) continue;
    // The true residual, which what is left to solve begins from.
    std::vector<double> gained(state.a.size()), image(state.a.size());
    for (std::size_t i = 0; i < gained.size(); ++i) gained[i] = state.a[i] - before[i];
    if (!product_(gained.data(), columns_, image.data())) {
      state.a = before;
      state.residual = residual_before;
      return End::interrupted;
    }
    for (std::size_t i = 0; i < image.size(); ++i)
      state.residual[i] = residual_before[i] - image[i];
  }
  return End::reached;
}

}  // namespace widelimit::regression
