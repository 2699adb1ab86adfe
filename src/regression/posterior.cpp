#include "widelimit/regression/posterior.hpp"

#include <algorithm>

#include "widelimit/linalg/cholesky.hpp"
#include "widelimit/linalg/norms.hpp"
#include "widelimit/linalg/products.hpp"
#include "widelimit/linalg/triangle.hpp"

namespace widelimit::regression {
namespace {

/// prior + factor·sum, element by element; a variance lost in rounding is zero, not negative.
std::vector<double> variances(std::vector<double> const& prior, double factor,
                              std::vector<double> sums) {
  for (std::size_t i = 0; i < sums.size(); ++i)
    sums[i] = std::max(0.0, prior.at(i) + factor * sums[i]);
  return sums;
}

/// With B = K̂⁻¹K_dt the ensemble's covariance is Q_tt + BᵀM + MᵀB, M = ½Q_dd·B - Q_dt. Leaves B in
/// `kernel_dt` and M in `nngp_dt`.
template <class Real>
void prepare_ensemble(DistributedMatrix<Real> const& factor, DistributedMatrix<Real>& kernel_dt,
                      DistributedMatrix<Real> const& nngp_dd, DistributedMatrix<Real>& nngp_dt) {
  linalg::potrs(factor, kernel_dt);
  linalg::symm(Real(0.5), nngp_dd, kernel_dt, Real(-1), nngp_dt);
}

}  // namespace

template <class Real>
std::vector<double> gp_variance(DistributedMatrix<Real> const& factor,
                                DistributedMatrix<Real> kernel_dt,
                                std::vector<double> const& tt_diagonal) {
  linalg::trsm(linalg::Op::plain, factor, kernel_dt);
  return variances(tt_diagonal, -1, linalg::column_dots(kernel_dt, kernel_dt));
}

template <class Real>
void gp_covariance(DistributedMatrix<Real> const& factor, DistributedMatrix<Real> kernel_dt,
                   DistributedMatrix<Real>& tt) {
  linalg::trsm(linalg::Op::plain, factor, kernel_dt);
  linalg::syrk_transposed(Real(-1), kernel_dt, Real(1), tt);
  linalg::mirror_lower_to_upper(tt);
}

template <class Real>
std::vector<double> ensemble_variance(DistributedMatrix<Real> const& factor,
                                      DistributedMatrix<Real> kernel_dt,
                                      DistributedMatrix<Real> const& nngp_dd,
                                      DistributedMatrix<Real> nngp_dt,
                                      std::vector<double> const& tt_diagonal) {
  prepare_ensemble(factor, kernel_dt, nngp_dd, nngp_dt);
  return variances(tt_diagonal, 2, linalg::column_dots(kernel_dt, nngp_dt));
}

template <class Real>
void ensemble_covariance(DistributedMatrix<Real> const& factor, DistributedMatrix<Real> kernel_dt,
                         DistributedMatrix<Real> const& nngp_dd, DistributedMatrix<Real> nngp_dt,
                         DistributedMatrix<Real>& tt) {
  prepare_ensemble(factor, kernel_dt, nngp_dd, nngp_dt);
  linalg::syr2k_transposed(Real(1), kernel_dt, nngp_dt, Real(1), tt);
  linalg::mirror_lower_to_upper(tt);
}

#define WIDELIMIT_INSTANTIATE(Real)                                                              \
  template std::vector<double> gp_variance(DistributedMatrix<Real> const&,                       \
                                           DistributedMatrix<Real>, std::vector<double> const&); \
  template void gp_covariance(DistributedMatrix<Real> const&, DistributedMatrix<Real>,           \
                              DistributedMatrix<Real>&);                                         \
  template std::vector<double> ensemble_variance(                                                \
      DistributedMatrix<Real> const&, DistributedMatrix<Real>, DistributedMatrix<Real> const&,   \
      DistributedMatrix<Real>, std::vector<double> const&);                                      \
  template void ensemble_covariance(DistributedMatrix<Real> const&, DistributedMatrix<Real>,     \
                                    DistributedMatrix<Real> const&, DistributedMatrix<Real>,     \
                                    DistributedMatrix<Real>&);
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)

}  // namespace widelimit::regression
