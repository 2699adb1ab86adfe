/// \file
/// The two kernels of a network, and which of them are computed.
#pragma once

namespace widelimit::gram {

enum class Kernel { nngp, ntk };

enum class Output { nngp, ntk, both };

constexpr Output only(Kernel kernel) {
  return kernel == Kernel::nngp ? Output::nngp : Output::ntk;
}
constexpr bool wants_nngp(Output o) {
  return o != Output::ntk;
}
constexpr bool wants_ntk(Output o) {
  return o != Output::nngp;
}

}  // namespace widelimit::gram
