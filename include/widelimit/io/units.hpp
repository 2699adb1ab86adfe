/// \file
/// Sizes and durations as people write them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

using Seconds = std::chrono::duration<double>;

/// A whole text as a finite number, in the C locale; none when it is anything else.
std::optional<double> parse_number(std::string_view text);

/// "10 GiB", "512MiB", "1.5 TB", "100 kB", "64 B" in bytes. The unit is required, as a bare number
/// is as often meant in gigabytes as in bytes; none when the text is anything else.
std::optional<Index> parse_bytes(std::string_view text);

/// "11h50m", "10 min", "90 s", "1.5 h", "1 day 6 h", and Slurm's "50:00" (minutes:seconds),
/// "11:50:00", "1-12", "1-12:00", "1-12:00:00". The unit is required; none when the text is
/// anything else.
std::optional<Seconds> parse_duration(std::string_view text);

}  // namespace widelimit::io
