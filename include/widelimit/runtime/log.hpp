/// \file
/// Messages to people: on standard error, from rank 0 unless a rank speaks for itself.
#pragma once

#include <string>

#include <spdlog/fmt/fmt.h>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::runtime {

enum class Level { info, warning, error };

/// Says `text` once: on the root of the program, silent on the other ranks. Local.
void log(Level level, std::string const& text);

/// Says `text` for this rank, with its number. Local.
void log_local(Level level, std::string const& text);

/// 1536 -> "1.5 KiB". Binary units.
std::string format_bytes(double bytes);

/// 3723 -> "1 h 02 min"; 0.0123 -> "12.3 ms".
std::string format_seconds(double seconds);

}  // namespace widelimit::runtime
