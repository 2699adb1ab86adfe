/// \file
/// Reverse-mode differentiation of programs into programs.
///
/// Gradients are normalised as the papers do: of a vector x it is n·∂L/∂x, of order one where x
/// enters L by averages; of a scalar it is ∂L/∂c. With these, ∂L/∂W = Σ ȳ xᵀ/n over the products
/// y = W x, and Σ x ȳᵀ/n over y = Wᵀ x.
#pragma once

#include <utility>
#include <vector>

#include "widelimit/program/builder.hpp"

namespace widelimit::program {

/// The gradient of one value. What is empty is zero.
struct Gradient {
  std::vector<OuterTerm> outer;   ///< of a matrix: ∂L/∂W is their sum
  std::vector<VectorTerm> terms;  ///< of a vector: n·∂L/∂x is their sum
  Id scalar = none;               ///< of a scalar
};

/// A value and the (normalised) gradient of L by it, of equal shape.
struct Seed {
  Id value = none, adjoint = none;
};

/// Appends to the builder's block the instructions that compute gradients by `of`, where L depends
/// on `seeds` and those on `of` by the instructions of `forward` (copied first: it may be the block
/// written to). Values of `of` may be initial ones or be defined in `forward`; of the latter the
/// gradient is the whole one, one term without `s`. Kinks as in Expression::derivative; `maximum`
/// shares its gradient among equal entries.
/// Local. Cost: of the order of the instructions. Throws InputError when the way from `of` to the
/// seeds leads through a value that `forward` changes after it was read, or before.
std::vector<Gradient> differentiate(Builder& builder, Block const& forward,
                                    std::vector<Seed> const& seeds, std::vector<Id> const& of);

/// The gradients of one 1 x 1 scalar.
std::vector<Gradient> differentiate(Builder& builder, Block const& forward, Id loss,
                                    std::vector<Id> const& of);

/// The sum of the terms of a vector's gradient as one value; a zero vector when there are none.
Id total(Builder& builder, Gradient const& gradient, Index columns);

}  // namespace widelimit::program
