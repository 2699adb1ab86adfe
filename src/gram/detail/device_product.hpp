/// \file
/// Products of a symmetric kernel matrix with columns on a GPU, where parts are made and multiplied.
#pragma once

#include <algorithm>
#include <functional>

#include "widelimit/gram/symmetric_product.hpp"

#include "gram/detail/tile_work.hpp"

namespace widelimit::gram::detail {

/// Columns in the memory of a GPU.
template <class Real>
using DeviceColumns = Kokkos::View<Real**, Kokkos::LayoutLeft, Exec>;

/// Y += sums, at the rows from `begin` on.
template <class Sum>
void add_rows(DeviceColumns<Sum> const& sums, Index begin, Index count,
              DeviceColumns<double> const& y) {
  Kokkos::parallel_for(
      "widelimit::gram::add_rows",
      Kokkos::MDRangePolicy<Exec, Kokkos::Rank<2>, Kokkos::IndexType<Index>>(
          {0, 0}, {count, static_cast<Index>(y.extent(1))}),
      KOKKOS_LAMBDA(Index i, Index c) { y(begin + i, c) += static_cast<double>(sums(i, c)); });
}

template <class To, class From>
void convert(Kokkos::View<From*, Exec> const& from, Kokkos::View<To*, Exec> const& to,
             Index count) {
  Kokkos::parallel_for(
      "widelimit::gram::convert", Kokkos::RangePolicy<Exec, Kokkos::IndexType<Index>>(0, count),
      KOKKOS_LAMBDA(Index i) { to(i) = static_cast<To>(from(i)); });
}

/// Makes one part after the other and multiplies it, sums within a part in `Sum`.
template <class Real, class Sum>
class DeviceProduct {
 public:
  DeviceProduct(PartMaker<Real> const& maker, double const* x, Index ld, Index columns)
      : tiles_(maker.program, maker.points, maker.points),
        kernel_(maker.kernel),
        ld_(ld),
        columns_(columns),
        entries_(Kokkos::view_alloc("widelimit::gram::part", Kokkos::WithoutInitializing),
                 static_cast<std::size_t>(side * side)),
        x_(Kokkos::view_alloc("widelimit::gram::x", Kokkos::WithoutInitializing), ld, columns),
        y_("widelimit::gram::y", ld, columns),
        sums_(Kokkos::view_alloc("widelimit::gram::sums", Kokkos::WithoutInitializing), side,
              columns) {
    auto const host = Kokkos::create_mirror_view(x_);
    std::transform(x, x + ld * columns, host.data(),
                   [](double value) { return static_cast<Sum>(value); });
    Kokkos::deep_copy(x_, host);
    if constexpr (!std::is_same_v<Real, Sum>) {
      converted_ = Kokkos::View<Sum*, Exec>(
          Kokkos::view_alloc("widelimit::gram::converted", Kokkos::WithoutInitializing),
          static_cast<std::size_t>(side * side));
    }
  }

  void add(Range rows, Range cols) {
    bool const nngp = kernel_ == Kernel::nngp;
    Index const height = rows.size(), width = cols.size();
    Real* const entries = entries_.data();
    tiles_(rows, cols, DiagonalTiles::full,
           {nngp ? entries : nullptr, nngp ? nullptr : entries, width});
    Sum const* const t = in_precision_of_sums(height * width);
    Sum const* const x = x_.data();
    blas_.times_columns(t, height, width, width, x + cols.begin, ld_, columns_, sums_.data(), side);
    add_rows<Sum>(sums_, rows.begin, height, y_);
    if (rows == cols) return;
    blas_.transposed_times_columns(t, height, width, width, x + rows.begin, ld_, columns_,
                                   sums_.data(), side);
    add_rows<Sum>(sums_, cols.begin, width, y_);
  }

  /// Adds what the parts gave.
  void add_to(double* y) const {
    auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, y_);
    for (Index k = 0; k < ld_ * columns_; ++k) y[k] += host.data()[k];
  }

 private:
  static constexpr Index side = made_side<Real>;

  Sum const* in_precision_of_sums(Index count) const {
    if constexpr (std::is_same_v<Real, Sum>) {
      return entries_.data();
    } else {
      convert<Sum, Real>(entries_, converted_, count);
      return converted_.data();
    }
  }

  TileWork<Real> tiles_;
  kernels::DeviceBlas blas_;
  Kernel kernel_;
  Index ld_, columns_;
  Kokkos::View<Real*, Exec> entries_;
  Kokkos::View<Sum*, Exec> converted_;
  DeviceColumns<Sum> x_;
  DeviceColumns<double> y_;
  DeviceColumns<Sum> sums_;
};

template <class Sum, class Real>
bool add_parts(PartMaker<Real> const& maker, Index count,
               std::function<MatrixPart<Real>(Index)> const& part, double const* x, double* y,
               Index ld, Index columns, std::function<bool()> const& go_on) {
  DeviceProduct<Real, Sum> product(maker, x, ld, columns);
  for (Index k = 0; k < count; ++k) {
    if (!go_on()) return false;
    auto const next = part(k);
    product.add(next.rows, next.cols);
  }
  product.add_to(y);
  return true;
}

/// See SymmetricProduct::add, of parts that are all to be made. Memory: a part and, with exact sums
/// of single entries, another in double.
template <class Real>
bool add_on_device(PartMaker<Real> const& maker, Index count,
                   std::function<MatrixPart<Real>(Index)> const& part, double const* x, double* y,
                   Index ld, Index columns, PartSums sums, std::function<bool()> const& go_on) {
  return sums == PartSums::exact ? add_parts<double>(maker, count, part, x, y, ld, columns, go_on)
                                 : add_parts<Real>(maker, count, part, x, y, ld, columns, go_on);
}

}  // namespace widelimit::gram::detail
