/// \file
/// What later stages need of a value.
#pragma once

#include "gram/detail/plan_draft.hpp"

namespace widelimit::gram::detail {

/// Adds to the stage at hand what keeps the value of node i, in this plane, for stages to come: its
/// tensor, and the sums over it that its readers want.
void plan_sinks(PlanDraft& draft, int i, int plane);

}  // namespace widelimit::gram::detail
