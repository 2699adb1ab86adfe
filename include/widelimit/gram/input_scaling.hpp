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

/// The first entries of each row that count, where not all do: masked positions of sequences are
/// left out of all statistics, and scaled to zero. Empty: all count.
using ValidEntries = std::vector<Index>;

/// A scaling whose numbers come from the training inputs and are applied to any inputs.
class InputScaler {
 public:
  /// \param train    n x d, row-major; of sequences and images, d counts the channels of all
  ///                 positions
  /// \param epsilon  zca: added to the covariance, in units of its mean eigenvalue
  /// O(nd) work, zca O(nd² + d³). Statistics in double. Local, deterministic. Throws InputError
  /// where the inputs have no spread, and for zca of rows that do not count whole.
  template <class Real>
  InputScaler(InputScaling kind, std::vector<Real> const& train, Index n, Index d,
              double epsilon = 0, ValidEntries const& valid = {});

  /// Scales n x d inputs in place. Local.
  template <class Real>
  void apply(std::vector<Real>& inputs, Index n, ValidEntries const& valid = {}) const;

 private:
  template <class Real>
  void whiten(std::vector<Real> const& train, Index n, double epsilon);

  template <class Real>
  void apply_to(Real* x, Index count) const;

  InputScaling kind_;
  Index d_;
  std::vector<double> mean_, factor_;  ///< one of each, or one a feature
  std::vector<double> whitening_;      ///< zca: d x d, symmetric
};

}  // namespace widelimit::gram
