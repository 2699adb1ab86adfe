/// \file
/// How far a symmetric matrix is from being positive definite, for messages to the user.
#pragma once

#include "widelimit/linalg/symmetric_factor.hpp"

namespace widelimit::linalg {

/// What is known of a matrix whose factorisation failed.
struct Definiteness {
  double smallest_eigenvalue = 0;  ///< estimate, good to `resolution`
  double largest_eigenvalue = 0;   ///< estimate from below
  double resolution = 0;           ///< smaller eigenvalues are lost in rounding
  double sufficient_shift = 0;     ///< A + shift·I was factorised
};

/// Estimates the ends of the spectrum and finds a shift that makes `a` positive definite: a first
/// guess by Lanczos on A, raised until the factorisation succeeds, and λ_min by Lanczos on the
/// inverse of that. The shift is within about a factor ten of the least one that leaves a solve
/// with correct digits. All entries must be numbers. `a` is left factorised with that shift.
/// Collective; about one factorisation, N³/3 flops.
template <class Real>
Definiteness assess_definiteness(SymmetricFactor<Real>& a);

}  // namespace widelimit::linalg
