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
  while (bytes >= 1024 && unit < 5) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.3g} {}", bytes, units[unit]);
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds)) return "unknown";
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.3g} s", seconds);
  auto const minutes = static_cast<long long>(std::llround(seconds / 60));
  if (minutes < 60) {
    auto const whole = static_cast<long long>(seconds);
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  return minutes < 48 * 60 ? fmt::format("{} h {:02} min", minutes / 60, minutes % 60)
                           : fmt::format("{:.1f} days", seconds / 86400);
}

}  // namespace widelimit::runtime
