/// \file
/// Scaling of raw inputs before the network sees them.
#pragma once

#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::gram {

enum class InputScaling {
  none,
  standardize,  ///< one mean and one deviation for all entries
  per_feature,  ///< a mean and a deviation for each feature; constant features become 0
  unit_norm,    ///< each point divided by its norm; zero points stay
  zca           ///< whitened in the basis of the data
};

/// A scaling whose numbers come from the training inputs and are applied to any inputs.
class InputScaler {
 public:
  /// \param train    n x d, row-major
  /// \param epsilon  zca: added to the covariance, in units of its mean eigenvalue
  /// O(nd) work, zca O(nd² + d³). Statistics in double. Local, deterministic. Throws InputError
  /// where the inputs have no spread.
  template <class Real>
  InputScaler(InputScaling kind, std::vector<Real> const& train, Index n, Index d,
              double epsilon = 0);

  /// Scales n x d inputs in place. Local.
  template <class Real>
  void apply(std::vector<Real>& inputs, Index n) const;

 private:
  template <class Real>
  void whiten(std::vector<Real> const& train, Index n, double epsilon);

  InputScaling kind_;
  Index d_;
  std::vector<double> mean_, factor_;  ///< one of each, or one a feature
  std::vector<double> whitening_;      ///< zca: d x d, symmetric
};

}  // namespace widelimit::gram
