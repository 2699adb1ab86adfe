/// \file
/// Makes an error of one rank the error of all.
#pragma once

#include <functional>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::runtime {

/// Runs `f` on every rank; where it throws on any, all ranks throw that rank's error (of the lowest
/// such rank, with its exit status). Collective; `f` itself must not communicate.
void agree(Communicator const& comm, std::function<void()> const& f);

/// Runs `f` on rank 0 alone; its error is thrown on all ranks. Collective; `f` must not
/// communicate.
void agree_on_root(Communicator const& comm, std::function<void()> const& f);

}  // namespace widelimit::runtime
