/// \file
/// Closed forms of E φ(u)φ(v) and E φ'(u)φ'(v) as the literature writes them, in variances and
/// covariance, with 113 bits in place of care about cancellation.
#pragma once

#include <stdexcept>
#include <vector>

#include "widelimit/network/layers.hpp"

#include "reference/quad.hpp"

namespace widelimit::reference {

/// (u, v) ~ N(0, [[q, k], [k, q_col]]).
struct Covariance {
  Quad q, k, q_col;

  /// det [[1 + f q, f k], [f k, 1 + f q_col]], so arranged that equal points do not cancel.
  Quad widened(Quad f) const { return 1 + f * (q + q_col) + f * f * (q * q_col - k * k); }

  /// k/√(q q_col), within [-1, 1] whatever rounding did; 0 where a variance is 0.
  Quad correlation() const {
    Quad const scale = quad_sqrt(q * q_col);
    if (scale == 0) return 0;
    Quad const c = k / scale;
    return c > 1 ? Quad(1) : (c < -1 ? Quad(-1) : c);
  }
};

struct KernelValue {
  Quad value, slope;
};

/// Cho & Saul 2009, with φ = (a+b)/2·x + (b-a)/2·|x|.
inline KernelValue closed_form(network::AbRelu const& f, Covariance const& at) {
  Quad const even = (static_cast<Quad>(f.b) - f.a) / 2, odd = (static_cast<Quad>(f.b) + f.a) / 2;
  Quad const c = at.correlation();
  Quad const angle = quad_asin(c) * 2 / quad_pi();
  Quad const scale = quad_sqrt(at.q * at.q_col);
  Quad const of_abs = scale * quad_sqrt((1 - c) * (1 + c)) * 2 / quad_pi() + at.k * angle;
  return {odd * odd * at.k + even * even * of_abs, odd * odd + even * even * angle};
}

inline KernelValue closed_form(network::Sign const&, Covariance const& at) {
  return {at.q > 0 && at.q_col > 0 ? quad_asin(at.correlation()) * 2 / quad_pi() : 0, 0};
}

inline KernelValue closed_form(network::RectifiedMonomial const& f, Covariance const& at) {
  Quad const c = at.correlation(), scale = quad_sqrt(at.q * at.q_col);
  Quad const sine = quad_sqrt((1 - c) * (1 + c));
  Quad const rest = quad_pi() / 2 + quad_asin(c);  // π - θ
  Quad const j[] = {rest, sine + rest * c, 3 * sine * c + rest * (1 + 2 * c * c)};
  if (f.degree < 0 || f.degree > 2) throw std::invalid_argument("degrees 0 to 2 are written here");
  Quad power = 1 / (2 * quad_pi());
  // A point of zero norm stays one: the step is 0 at 0.
  if (f.degree == 0) return {scale > 0 ? power * j[0] : 0, 0};
  for (int k = 1; k < f.degree; ++k) power *= scale;
  return {power * scale * j[f.degree], f.degree * f.degree * power * j[f.degree - 1]};
}

/// Williams 1997.
inline KernelValue closed_form(network::Erf const& f, Covariance const& at) {
  Quad const a2 = static_cast<Quad>(f.a) * f.a, b2 = 2 * static_cast<Quad>(f.b) * f.b;
  Quad const widths = (1 + b2 * at.q) * (1 + b2 * at.q_col);
  Quad const value = 2 * a2 / quad_pi() * quad_asin(b2 * at.k / quad_sqrt(widths));
  return {value + static_cast<Quad>(f.c) * f.c,
          2 * a2 * b2 / quad_pi() / quad_sqrt(at.widened(b2))};
}

/// Tsuchida et al. 2021.
inline KernelValue closed_form(network::Gelu const&, Covariance const& at) {
  auto const [q, k, q_col] = at;
  Quad const widths = (1 + q) * (1 + q_col), det = at.widened(1), root = quad_sqrt(det);
  Quad const base = Quad(0.25) + quad_asin(k / quad_sqrt(widths)) / (2 * quad_pi());
  Quad const p = 1 / (1 + q) + 1 / (1 + q_col);
  return {k * base + (q * q_col - k * k + k * k * p) / (2 * quad_pi() * root),
          base + k / (2 * quad_pi() * root) * (p + 1 / det)};
}

/// a·sin(bx + h) with cos 2h given. Of exp(-b²(q+q'∓2k)/2), E∓, the difference is formed by expm1,
/// as small inputs would cancel otherwise.
inline KernelValue sinusoid(Quad a, Quad b, Quad cos_twice, Covariance const& at) {
  Quad const minus = quad_exp(-b * b * (at.q + at.q_col - 2 * at.k) / 2);
  Quad const plus = quad_exp(-b * b * (at.q + at.q_col + 2 * at.k) / 2);
  Quad const x = 2 * b * b * at.k;
  Quad const difference = x > 0 ? -minus * quad_expm1(-x) : plus * quad_expm1(x);
  return {a * a / 2 * ((1 - cos_twice) * minus + cos_twice * difference),
          a * a * b * b / 2 * ((1 + cos_twice) * minus - cos_twice * difference)};
}
inline KernelValue closed_form(network::Sin const& f, Covariance const& at) {
  return sinusoid(f.a, f.b, quad_cos(2 * static_cast<Quad>(f.c)), at);
}
inline KernelValue closed_form(network::Cos const& f, Covariance const& at) {
  return sinusoid(f.a, f.b, -quad_cos(2 * static_cast<Quad>(f.c)), at);
}

inline KernelValue closed_form(network::Rbf const& f, Covariance const& at) {
  Quad const value = quad_exp(-f.gamma * (at.q + at.q_col - 2 * at.k));
  return {value, 2 * f.gamma * value};
}

inline KernelValue closed_form(network::Exp const& f, Covariance const& at) {
  Quad const b2 = static_cast<Quad>(f.b) * f.b;
  Quad const value = f.a * f.a * quad_exp(b2 * (at.q + at.q_col + 2 * at.k) / 2);
  return {value, b2 * value};
}

inline KernelValue closed_form(network::Gaussian const& f, Covariance const& at) {
  Quad const b = 2 * static_cast<Quad>(f.b);
  Quad const det = at.widened(-b);
  Quad const value = static_cast<Quad>(f.a) * f.a / quad_sqrt(det);
  return {value, b * b * at.k * value / det};
}

inline KernelValue closed_form(network::ExpNormalized const& f, Covariance const& at) {
  Quad const value = quad_exp(f.gamma * (at.correlation() + f.shift));
  return {quad_sqrt(at.q * at.q_col) * value, f.gamma * value};
}

/// E u^i v^j by Isserlis's theorem: Σ over the number m of pairings between u and v.
inline Quad mixed_moment(int i, int j, Covariance const& at) {
  auto const pairings = [](int n) {  // (n-1)!!
    Quad result = 1;
    for (int k = n - 1; k > 1; k -= 2) result *= k;
    return result;
  };
  Quad sum = 0;
  for (int m = (i + j) % 2 == 0 ? i % 2 : i + 1; m <= (i < j ? i : j); m += 2) {
    Quad term = pairings(i - m) * pairings(j - m);
    for (int k = 0; k < m; ++k) term *= static_cast<Quad>((i - k) * (j - k)) / (k + 1) * at.k;
    for (int k = 0; k < (i - m) / 2; ++k) term *= at.q;
    for (int k = 0; k < (j - m) / 2; ++k) term *= at.q_col;
    sum += term;
  }
  return sum;
}

inline KernelValue closed_form(network::Polynomial const& f, Covariance const& at) {
  KernelValue sum{0, 0};
  for (int i = 0; i < static_cast<int>(f.coef.size()); ++i) {
    for (int j = 0; j < static_cast<int>(f.coef.size()); ++j) {
      Quad const weight = static_cast<Quad>(f.coef[i]) * f.coef[j];
      sum.value += weight * mixed_moment(i, j, at);
      if (i > 0 && j > 0) sum.slope += weight * (i * j) * mixed_moment(i - 1, j - 1, at);
    }
  }
  return sum;
}

inline KernelValue closed_form(network::Monomial const& f, Covariance const& at) {
  std::vector<double> coef(f.degree + 1, 0.0);
  coef[f.degree] = 1;
  return closed_form(network::Polynomial{coef}, at);
}

/// For unit variances (up to the eps of layer_norm, which its Hermite polynomial does not see).
inline KernelValue closed_form(network::Hermite const& f, Covariance const& at) {
  Quad const c = at.correlation();
  Quad power = 1;
  for (int k = 1; k < f.degree; ++k) power *= c;
  return {f.degree == 0 ? Quad(1) : power * c, f.degree * power};
}

}  // namespace widelimit::reference
