/// \file
/// Which run a checkpoint belongs to.
#pragma once

#include <string>

#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

/// Version of the layout of result and checkpoint files.
inline constexpr Index format_version = 1;

/// What must be the same for a run to go on from a checkpoint.
struct Identity {
  std::string input;  ///< canonical text of the input (see canonical_text)
  std::string program_version;
  std::string format = std::to_string(format_version);
};

/// `text` with one line end, and without trailing blanks and empty lines, so that these do not make
/// a checkpoint belong to another input.
std::string canonical_text(std::string const& text);

/// Throws InputError when `stored`, of the checkpoint in `file`, is of another format, program or
/// input than `now`: says which, shows the first line that differs, and what to do.
void require_same(Identity const& stored, Identity const& now, std::string const& file);

}  // namespace widelimit::io
