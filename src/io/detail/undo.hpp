/// \file
/// A copy of what HDF5 is about to change in a finished tile file, to put back after a kill.
#pragma once

#include <string>
#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::io::detail {

/// "FILE.undo".
std::string undo_name(std::string const& file);

/// Saves all of `file` but the parts in `kept` (large data that will not change; sorted or not, not
/// overlapping) in FILE.undo, which is there whole or not at all. Local.
void save_undo(std::string const& file, std::vector<Range> kept);

/// Puts `file` back as it was when save_undo was called, where FILE.undo says so, and deletes that.
/// Does nothing without one. Local.
void restore_undo(std::string const& file);

}  // namespace widelimit::io::detail
