#include "widelimit/runtime/log.hpp"

#include <cmath>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace widelimit::runtime {
namespace {

int world_rank() {
  int running = 0;
  int ended = 0;
  int rank = 0;
  MPI_Initialized(&running);
  MPI_Finalized(&ended);
  if (running && !ended) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

spdlog::logger& logger() {
  static std::shared_ptr<spdlog::logger> const shared = [] {
    auto made = spdlog::stderr_color_mt("widelimit");
    made->set_pattern("%^%l:%$ %v");
    return made;
  }();
  return *shared;
}

spdlog::level::level_enum level_of(Level level) {
  return level == Level::info      ? spdlog::level::info
         : level == Level::warning ? spdlog::level::warn
                                   : spdlog::level::err;
}

/// Three significant digits without an exponent for values up to 1024.
std::string three_digits(double value) {
  return value < 999.5 ? fmt::format("{:.3g}", value) : fmt::format("{:.0f}", value);
}

}  // namespace

void log(Level level, std::string const& text) {
  if (world_rank() == 0) logger().log(level_of(level), "{}", text);
}

void log_local(Level level, std::string const& text) {
  logger().log(level_of(level), "rank {}: {}", world_rank(), text);
}

std::string format_bytes(double bytes) {
  char const* const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  int unit = 0;
  // What rounds to 1024 of a unit is 1 of the next.
  while (bytes >= 1023.5 && unit < 5) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", unit == 0 ? fmt::format("{:.0f}", bytes) : three_digits(bytes),
                     units[unit]);
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  // Each limit is where three digits would round to the next unit.
  if (seconds < 0.9995e-3) return three_digits(seconds * 1e6) + " us";
  if (seconds < 0.9995) return three_digits(seconds * 1e3) + " ms";
  if (seconds < 59.95) return three_digits(seconds) + " s";
  if (seconds < 3599.5) {
    auto const whole = std::llround(seconds);
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  double const days = seconds / 86400;
  if (days < 2) {
    auto const minutes = std::llround(seconds / 60);
    return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
  }
  return days < 1000 ? fmt::format("{:.1f} days", days) : fmt::format("{:.3g} days", days);
}

}  // namespace widelimit::runtime
