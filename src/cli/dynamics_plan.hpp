/// \file
/// How training in function space is computed, and what that needs.
#pragma once

#include "widelimit/cli/options.hpp"

namespace widelimit::cli {

/// What is chosen where the input file leaves it to the program.
struct DynamicsPlan {
  enum class Method {
    eigen,   ///< flow by all eigenvectors
    krylov,  ///< flow by Lanczos
    ode,     ///< flow by adaptive steps
    steps    ///< the steps of gd and sgd themselves
  };
  Method method = Method::eigen;
  bool stored = true;  ///< the kernel of the training points is kept; of all but eigen
};

/// Vectors of each output that Lanczos keeps before it starts anew.
double krylov_vectors(Index points, Index outputs);

}  // namespace widelimit::cli
