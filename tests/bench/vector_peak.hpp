/// \file
/// What the vector units of all threads can do at most.
#pragma once

#include <algorithm>
#include <chrono>

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/spaces.hpp"
#include "widelimit/kernels/vector_lanes.hpp"

namespace widelimit::bench {

/// Flops a second of multiply-adds in registers, the best of a few tries.
template <class Real>
double vector_peak() {
  constexpr int chains = 16, steps = 1 << 20;  // as many chains as hide the latency
  kernels::HostExec const exec;
  auto const threads = static_cast<Index>(exec.concurrency());
  double best = 0;
  for (int k = 0; k < 5; ++k) {
    auto const start = std::chrono::steady_clock::now();
    Real sum = 0;
    Kokkos::parallel_reduce(
        "widelimit::bench::vector_peak", Kokkos::RangePolicy<kernels::HostExec>(exec, 0, threads),
        [=](Index thread, Real& out) {
          kernels::Lanes<Real> values[chains];
          for (int c = 0; c < chains; ++c)
            for (Index l = 0; l < kernels::lanes<Real>; ++l)
              values[c][l] = static_cast<Real>(thread + c + l);
          for (int step = 0; step < steps; ++step)
            for (auto& value : values) value = value * Real{0.5} + Real{1};
          for (auto const& value : values) out += value[0];
        },
        sum);
    double const seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    double const flops = 2.0 * chains * steps * static_cast<double>(kernels::lanes<Real> * threads);
    if (sum > 0) best = std::max(best, flops / seconds);
  }
  return best;
}

}  // namespace widelimit::bench
