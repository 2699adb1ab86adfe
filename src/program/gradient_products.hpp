/// \file
/// Inner products of gradients with respect to parameters.
#pragma once

#include "widelimit/program/differentiate.hpp"

namespace widelimit::program::detail {

/// The inner products of ∂L/∂P as gradients hold them, with g by the columns of one pass and h by
/// those of another, summed over the columns that belong to one point: points_g x points_h. Of a
/// matrix Σ (ȳ_j·ȳ_k/n)(x_j·x_k/n), of a vector (Σ ...)ᵀ(...)/n of the normalised gradients; of a
/// scalar parameter that is added to the outputs, ones. `none` where one of them is zero.
/// With one point: the squared norm.
Id gradient_products(Builder& builder, Gradient const& g, Gradient const& h, Index points_g,
                     Index points_h);

}  // namespace widelimit::program::detail
