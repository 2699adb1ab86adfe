/// \file
/// Where kernels of pairs of points run: on a GPU where Kokkos has one, else on the host's threads.
#pragma once

#include <type_traits>

#include <Kokkos_Core.hpp>

namespace widelimit::kernels {

/// Of everything that is computed for each pair of points, and of the memory that it reads.
using Exec = Kokkos::DefaultExecutionSpace;
/// Of the rest.
using HostExec = Kokkos::DefaultHostExecutionSpace;

/// Whether both are one, so that nothing needs to be copied.
inline constexpr bool exec_is_host = std::is_same_v<Exec, HostExec>;

/// A thread of the host that works alone, for code which is written for the members of a team.
struct HostMember {};

}  // namespace widelimit::kernels
