/// \file
/// How the spectrum of a kernel is computed.
#pragma once

namespace widelimit::cli {

/// What is chosen where the input file leaves it to the program.
struct SpectrumPlan {
  bool dense = true;
  bool stored = true;  ///< of krylov: the kernel is kept
};

}  // namespace widelimit::cli
