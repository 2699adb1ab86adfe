#include "widelimit/gram/points.hpp"

#include <cmath>

namespace widelimit::gram {

template <class Real>
Points<Real> prepare_points(std::vector<Real> const& inputs, Index n, Index d) {
  Points<Real> points;
  points.n = n;
  points.d = d;
  points.unit_rows = typename Points<Real>::Matrix(
      Kokkos::view_alloc("widelimit::gram::unit_rows", Kokkos::WithoutInitializing), n, d);
  points.scale_in.resize(static_cast<std::size_t>(n));
  auto const rows = points.host_rows = Kokkos::create_mirror_view(points.unit_rows);
  Real const* const x = inputs.data();
  double* const scale = points.scale_in.data();
  Kokkos::parallel_for("widelimit::gram::normalise",
                       Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, n), [=](Index i) {
                         Real const* const row = x + i * d;
                         double largest = 0;
                         for (Index k = 0; k < d; ++k)
                           largest = std::fmax(largest, std::fabs(static_cast<double>(row[k])));
                         if (largest == 0) {
                           for (Index k = 0; k < d; ++k) rows(i, k) = 0;
                           scale[i] = 0;
                           return;
                         }
                         double sum = 0;
                         for (Index k = 0; k < d; ++k)
                           sum += kernels::square(static_cast<double>(row[k]) / largest);
                         double const norm = std::sqrt(sum);
                         for (Index k = 0; k < d; ++k) {
                           rows(i, k) =
                               static_cast<Real>(static_cast<double>(row[k]) / largest / norm);
                         }
                         scale[i] = largest * (norm / std::sqrt(static_cast<double>(d)));
                       });
  Kokkos::deep_copy(points.unit_rows, rows);
  return points;
}

template Points<float> prepare_points(std::vector<float> const&, Index, Index);
template Points<double> prepare_points(std::vector<double> const&, Index, Index);

}  // namespace widelimit::gram
