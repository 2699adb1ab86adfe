#include "widelimit/regression/cholesky_regression.hpp"

#include <cmath>

#include <fmt/format.h>

#include "widelimit/linalg/definiteness.hpp"
#include "widelimit/linalg/products.hpp"

namespace widelimit::regression {
namespace {

using linalg::ReplicatedMatrix;

double norm(ReplicatedMatrix const& a) {
  double sum = 0;
  for (double const entry : a.values) sum += entry * entry;
  return std::sqrt(sum);
}

std::string describe(Ridge ridge) {
  return fmt::format("{{value: {:.3g}, scale: {}}}", ridge.value,
                     ridge.scale == RidgeScale::relative ? "relative" : "absolute");
}

/// The ridge in the user's scale that is not below the absolute `shift`.
Ridge ridge_of(double shift, RidgeScale scale, double trace, Index size) {
  // A trace that is not positive leaves a relative ridge without meaning.
  if (scale == RidgeScale::absolute || !(trace > 0))
    return {round_up_to_one_digit(shift), RidgeScale::absolute};
  return {round_up_to_one_digit(shift * static_cast<double>(size) / trace), scale};
}

template <class Real>
std::string explain(linalg::SymmetricFactor<Real>& factor, Index pivot, Ridge ridge,
                    std::string const& name) {
  auto const found = linalg::assess_definiteness(factor);
  Ridge const enough = ridge_of(found.sufficient_shift, ridge.scale, factor.trace(), factor.size());
  std::string const eigenvalue =
      std::abs(found.smallest_eigenvalue) < found.resolution
          ? fmt::format("is zero to rounding (below {:.1e} in size", found.resolution)
          : fmt::format("is about {:.2e} (", found.smallest_eigenvalue);
  return fmt::format(
      "the {} kernel of the {} training points with the ridge {} is not positive definite: its "
      "Cholesky factorisation failed at pivot {} (counted from 0: the row of that training point). "
      "Without a ridge its smallest eigenvalue {}{}the largest is about {:.2e}). A ridge of {} "
      "will "
      "do. Equal or almost equal rows among the training inputs, or a network that cannot tell "
      "points apart, may be the cause",
      name, factor.size(), describe(ridge), pivot, eigenvalue, eigenvalue.back() == '(' ? "" : "; ",
      found.largest_eigenvalue, describe(enough));
}

/// R = Y - λα - Kα, given Kα.
ReplicatedMatrix residual_of(ReplicatedMatrix const& y, ReplicatedMatrix const& alpha,
                             ReplicatedMatrix const& k_alpha, double shift) {
  ReplicatedMatrix r(y.rows, y.cols);
  for (std::size_t i = 0; i < r.values.size(); ++i)
    r.values[i] = y.values[i] - shift * alpha.values[i] - k_alpha.values[i];
  return r;
}

}  // namespace

double round_up_to_one_digit(double value) {
  double const power = std::pow(10.0, std::floor(std::log10(value)));
  // Through text, so that 3 steps of 1e-5 are the number 3e-5; a hair of slack keeps 3e-5 itself.
  double const digits = std::ceil(value / power * (1 - 1e-12));
  return std::stod(fmt::format("{:.0e}", digits * power));
}

template <class Real>
CholeskyRegression<Real>::CholeskyRegression(linalg::DistributedMatrix<Real> kernel, Ridge ridge,
                                             std::string const& name, Location where)
    : factor_(std::move(kernel)) {
  if (where.key.empty()) where.key = "job.ridge";
  auto const result = factor_.factorize(ridge.shift(factor_.trace(), factor_.size()));
  if (result.ok()) return;
  if (!factor_.finite())
    throw InputError({where.file, 0, ""},
                     fmt::format("the {} kernel of the training points has entries that are not "
                                 "numbers; look for infinite or undefined values among the inputs, "
                                 "and for layers whose weights make the variance overflow",
                                 name));
  throw InputError(where, explain(factor_, *result.failed_pivot, ridge, name));
}

template <class Real>
Solution CholeskyRegression<Real>::solve(ReplicatedMatrix const& targets) const {
  Solution best;
  best.alpha = factor_.solve(targets);
  best.train_predictions = factor_.multiply(best.alpha);
  auto const r = residual_of(targets, best.alpha, best.train_predictions, shift());
  double const scale = norm(targets);
  best.residual = scale > 0 ? norm(r) / scale : norm(r);

  Solution refined;
  refined.refined = true;
  refined.alpha = factor_.solve(r);
  for (std::size_t i = 0; i < refined.alpha.values.size(); ++i)
    refined.alpha.values[i] += best.alpha.values[i];
  refined.train_predictions = factor_.multiply(refined.alpha);
  auto const r2 = residual_of(targets, refined.alpha, refined.train_predictions, shift());
  refined.residual = scale > 0 ? norm(r2) / scale : norm(r2);

  int take = refined.residual < best.residual;
  factor_.comm().broadcast(&take, sizeof take);
  return take != 0 ? refined : best;
}

template <class Real>
ReplicatedMatrix predict(linalg::DistributedMatrix<Real> const& kernel_dt,
                         ReplicatedMatrix const& alpha) {
  return linalg::multiply_transposed(kernel_dt, alpha);
}

template class CholeskyRegression<float>;
template class CholeskyRegression<double>;
template ReplicatedMatrix predict(linalg::DistributedMatrix<float> const&, ReplicatedMatrix const&);
template ReplicatedMatrix predict(linalg::DistributedMatrix<double> const&,
                                  ReplicatedMatrix const&);

}  // namespace widelimit::regression
