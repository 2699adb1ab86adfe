#include "widelimit/gram/select_points.hpp"

namespace widelimit::gram {
namespace {

template <class Real>
using Numbers = Kokkos::View<Index*, typename Points<Real>::Vector::memory_space>;

template <class Real>
typename Points<Real>::Vector pick(typename Points<Real>::Vector const& from,
                                   Numbers<Real> const& numbers) {
  typename Points<Real>::Vector to(
      Kokkos::view_alloc("widelimit::gram::picked", Kokkos::WithoutInitializing), numbers.size());
  Kokkos::parallel_for(
      "widelimit::gram::pick", Kokkos::RangePolicy<Exec>(0, static_cast<Index>(numbers.size())),
      KOKKOS_LAMBDA(Index k) { to(k) = from(numbers(k)); });
  return to;
}

template <class Real>
PositionData<Real> pick(Points<Real> const& points, std::vector<Index> const& numbers) {
  PositionData<Real> to;
  for (Index const k : numbers) {
    if (!points.positions.lengths.empty())
      to.lengths.push_back(points.positions.lengths.at(static_cast<std::size_t>(k)));
  }
  for (auto const& [name, pattern] : points.positions.patterns) {
    if (pattern.shared) {
      to.patterns[name] = pattern;
      continue;
    }
    auto const size = static_cast<std::ptrdiff_t>(pattern.values.size()) / points.n;
    auto& values = to.patterns[name].values;
    for (Index const k : numbers)
      values.insert(values.end(), pattern.values.begin() + k * size,
                    pattern.values.begin() + (k + 1) * size);
  }
  return to;
}

}  // namespace

template <class Real>
Points<Real> select_points(Points<Real> const& points, std::vector<Index> const& numbers) {
  auto const count = static_cast<Index>(numbers.size());
  Numbers<Real> const which(
      Kokkos::view_alloc("widelimit::gram::numbers", Kokkos::WithoutInitializing), count);
  auto const which_host = Kokkos::create_mirror_view(which);
  std::copy(numbers.begin(), numbers.end(), which_host.data());
  Kokkos::deep_copy(which, which_host);

  Points<Real> result;
  result.n = count;
  result.d = points.d;
  for (Index const k : numbers) result.scale_in.push_back(points.scale_in.at(k));
  using Matrix = typename Points<Real>::Matrix;
  Matrix const rows(Kokkos::view_alloc("widelimit::gram::unit_rows", Kokkos::WithoutInitializing),
                    count, points.d);
  auto const n_coefficients = static_cast<Index>(points.coefficients.extent(0));
  Matrix const table(
      Kokkos::view_alloc("widelimit::gram::coefficients", Kokkos::WithoutInitializing),
      n_coefficients, count);
  auto const all_rows = points.unit_rows;
  auto const all_coefficients = points.coefficients;
  Index const d = points.d;
  Kokkos::parallel_for(
      "widelimit::gram::select", Kokkos::RangePolicy<Exec>(0, count), KOKKOS_LAMBDA(Index k) {
        for (Index m = 0; m < d; ++m) rows(k, m) = all_rows(which(k), m);
        for (Index m = 0; m < n_coefficients; ++m) table(m, k) = all_coefficients(m, which(k));
      });
  result.unit_rows = rows;
  result.host_rows = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, rows);
  result.coefficients = table;
  result.scale_out = pick<Real>(points.scale_out, which);
  result.nngp_diagonal = pick<Real>(points.nngp_diagonal, which);
  result.ntk_diagonal = pick<Real>(points.ntk_diagonal, which);
  result.positions = pick(points, numbers);
  Exec().fence("widelimit::gram::select_points");
  return result;
}

template Points<float> select_points(Points<float> const&, std::vector<Index> const&);
template Points<double> select_points(Points<double> const&, std::vector<Index> const&);

}  // namespace widelimit::gram
