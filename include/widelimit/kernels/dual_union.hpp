/// \file
/// The list of dual activations, and a tagged union of them that runs on every back end.
///
/// A new activation with a closed form is a struct in network/layers.hpp, a line in the reader's
/// table, a dual in kernels/duals and its pair in `DualList`.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "widelimit/kernels/duals/error_function.hpp"
#include "widelimit/kernels/duals/exponential.hpp"
#include "widelimit/kernels/duals/gaussian.hpp"
#include "widelimit/kernels/duals/piecewise.hpp"
#include "widelimit/kernels/duals/series.hpp"

namespace widelimit::kernels {

/// An activation of the network language with the dual that computes it.
template <class Activation, template <class> class DualTemplate>
struct DualPair {
  using Function = Activation;
  template <class Real>
  using Dual = DualTemplate<Real>;
};

/// Activations computed entry by entry. Those missing here (polynomial, hermite, numerical) have
/// loops of their own over a block of entries, see entry_program.hpp.
using DualList = std::tuple<
    DualPair<OneSided, ReluDual>, DualPair<network::AbRelu, AbReluDual>,
    DualPair<network::Sign, SignDual>, DualPair<network::RectifiedMonomial, RectifiedMonomialDual>,
    DualPair<network::Erf, ErfDual>, DualPair<network::Gelu, GeluDual>,
    DualPair<network::Exp, GaussianKernelDual>, DualPair<network::Rbf, GaussianKernelDual>,
    DualPair<network::ExpNormalized, ExpNormalizedDual>, DualPair<network::Sin, SinusoidDual>,
    DualPair<network::Cos, SinusoidDual>, DualPair<network::Gaussian, GaussianDual>,
    DualPair<network::Gabor, GaborDual>, DualPair<network::Monomial, MonomialDual>,
    DualPair<LowHermite, MonomialDual>>;

namespace detail {

template <class Function, std::size_t index = 0>
constexpr int dual_index() {
  if constexpr (index == std::tuple_size_v<DualList>) {
    return -1;
  } else if constexpr (std::is_same_v<Function,
                                      typename std::tuple_element_t<index, DualList>::Function>) {
    return static_cast<int>(index);
  } else {
    return dual_index<Function, index + 1>();
  }
}

}  // namespace detail

/// Whether `Function` has a dual in DualList.
template <class Function>
inline constexpr bool has_dual = detail::dual_index<Function>() >= 0;

/// The dual of `Function`.
template <class Function, class Real>
using DualOf =
    typename std::tuple_element_t<detail::dual_index<Function>(), DualList>::template Dual<Real>;

/// Any one dual of DualList.
template <class Real>
class DualUnion {
 public:
  DualUnion() = default;

  template <class Function>
  static DualUnion of(Function const& f) {
    using Dual = DualOf<Function, Real>;
    static_assert(std::is_trivially_copyable_v<Dual> && sizeof(Dual) <= capacity);
    DualUnion result;
    result.index_ = detail::dual_index<Function>();
    Dual const dual(f);
    std::memcpy(result.bytes_, &dual, sizeof dual);
    return result;
  }

  /// Calls `f` with the dual held.
  template <class F>
  KOKKOS_FORCEINLINE_FUNCTION void visit(F const& f) const {
    visit_from<0>(f);
  }

 private:
  static constexpr std::size_t capacity = 160;

  template <std::size_t index, class F>
  KOKKOS_FORCEINLINE_FUNCTION void visit_from(F const& f) const {
    if constexpr (index < std::tuple_size_v<DualList>) {
      if (index_ == static_cast<int>(index)) {
        using Dual = typename std::tuple_element_t<index, DualList>::template Dual<Real>;
        f(*reinterpret_cast<Dual const*>(bytes_));
      } else {
        visit_from<index + 1>(f);
      }
    }
  }

  int index_ = -1;
  alignas(double) unsigned char bytes_[capacity] = {};
};

}  // namespace widelimit::kernels
