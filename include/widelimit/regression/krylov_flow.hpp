/// \file
/// Gradient flow on the squared error without a matrix: functions of the kernel by Lanczos.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "widelimit/linalg/lanczos_basis.hpp"
#include "widelimit/regression/gradient_flow.hpp"

namespace widelimit::regression {

/// Where the flow stands. Columns are column-major, this rank's rows.
struct KrylovState {
  double time = 0;
  std::vector<double> a;         ///< coefficients
  std::vector<double> residual;  ///< y - f - λa, from y - f₀ at time 0
  double error = 0;  ///< bound so far of ‖error of the residual‖/‖y - f₀‖, the largest column's
  Index products = 0;
};

struct KrylovOptions {
  double tolerance = 1e-6;  ///< of ‖error of the residual‖/‖y - f₀‖ of each column and restart
  Index most_vectors = 200;  ///< of the basis, before time is cut and the basis begun anew
};

/// a(t) = c(K̂, t)·r and r(t) = h(K̂, t)·r from the Krylov space of r. In it the error of r(t) is at
/// most ‖r‖·β·|e_mᵀ·c(T, t)·e₁|: the integral of the defect, which for flow without momentum has
/// one sign, under a flow that makes nothing longer; at t = ∞ it is the residual of the equations.
/// With momentum it is an estimate.
class KrylovFlow {
 public:
  /// \param product  X ↦ K̂·X = (K + λI)·X
  KrylovFlow(linalg::RowBlocks rows, linalg::LanczosBasis::Product product, GradientFlow law,
             Index columns, KrylovOptions options)
      : rows_(std::move(rows)),
        product_(std::move(product)),
        law_(law),
        columns_(columns),
        options_(options) {}

  enum class End { reached, interrupted, stagnated };
  using Visitor = std::function<void(double time, std::vector<double> const& a,
                                     std::vector<double> const& residual)>;

  /// Goes through `times`, ascending and not before state.time, and calls `visit` at each. The state
  /// moves on when a basis is full; interrupted, it is that where the present basis began.
  /// `stagnated`: even a full basis does not make t = ∞ (or with momentum, a time) exact to the
  /// tolerance. `scale`: ‖y - f₀‖ of each column. Collective.
  End run(KrylovState& state, std::vector<double> times, std::vector<double> const& scale,
          Visitor const& visit) const;

 private:
  double bound(linalg::LanczosBasis const& basis, std::vector<linalg::TridiagonalEigen> const& ritz,
               double span, std::vector<double> const& scale) const;
  void move(linalg::LanczosBasis const& basis, std::vector<linalg::TridiagonalEigen> const& ritz,
            double span, std::vector<double>& a, std::vector<double>& residual) const;

  linalg::RowBlocks rows_;
  linalg::LanczosBasis::Product product_;
  GradientFlow law_;
  Index columns_;
  KrylovOptions options_;
};

}  // namespace widelimit::regression
