/// \file
/// What the spectrum of a kernel says of learning with it.
#pragma once

#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::regression {

/// Leading eigenvalues of K on N points, and the squares of what of the targets lies along each
/// eigenvector. What is not known one by one, the tail, is known as a sum.
struct KernelSpectrum {
  Index points = 0;
  std::vector<double> values;  ///< descending
  std::vector<double> power;   ///< Σ_c (v·y_c)²; empty: no targets
  double trace = 0;            ///< of K
  double total_power = 0;      ///< Σ_ic y_ic²

  Index tail_size() const { return points - static_cast<Index>(values.size()); }
  double tail_trace() const;  ///< not below 0
  double tail_power() const;  ///< not below 0
};

/// Bounds of Σ κ/(κ + ridge) over all N eigenvalues: equal where the tail is empty. The upper one
/// takes the tail's eigenvalues as equal, the lower one as few as large as the last known one.
struct EffectiveDimension {
  double low = 0, high = 0;
};
EffectiveDimension effective_dimension(KernelSpectrum const& spectrum, double ridge);

/// Expected squared error, summed over outputs, of kernel regression on `samples` points, far fewer
/// than the N whose spectrum stands for that of their distribution, at points drawn like them (Simon, Dickens, Karkada & DeWeese 2023, "The eigenlearning
/// framework"): modes of the operator have eigenvalue κ/N and target coefficient power/N; the
/// threshold t solves samples = Σ λ/(λ + t) + ridge/t, a mode is learnt to the share
/// L = λ/(λ + t), and the error is samples/(samples - Σ L²)·Σ (1 - L)²·c². A tail counts as
/// tail_size() equal eigenvalues with its power. Not a number for more samples than modes and no
/// ridge. \param ridge  absolute, of (K + ridge·I) on the samples
double predicted_error(KernelSpectrum const& spectrum, double samples, double ridge);

}  // namespace widelimit::regression
