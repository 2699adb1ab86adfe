/// \file
/// A visitor made of lambdas.
#pragma once

namespace widelimit::network::detail {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace widelimit::network::detail
