/// \file
/// Losses and their gradients by the outputs.
#pragma once

#include "widelimit/program/builder.hpp"
#include "widelimit/program/training.hpp"

namespace widelimit::program::detail {

struct LossTerms {
  Id loss = none;  ///< 1 x 1, mean over points
  Id chi = none;   ///< ∂loss/∂outputs, outputs x points
};

/// \param outputs, targets  outputs x points
LossTerms append_loss(Builder& builder, Loss loss, Id outputs, Id targets);

}  // namespace widelimit::program::detail
