#include "widelimit/runtime/memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include <sys/resource.h>

namespace widelimit::runtime {
namespace {

double read_number(std::string const& path) {
  std::ifstream file(path);
  double value = 0;
  return file >> value ? value : std::numeric_limits<double>::infinity();
}

/// What the memory control group of this process has left (version 2, then 1); infinite without a
/// limit.
double left_in_control_group() {
  double left = std::numeric_limits<double>::infinity();
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    auto const second = line.rfind(':');
    auto const first = line.find(':');
    if (first == std::string::npos || second == first) continue;
    std::string const controllers = line.substr(first + 1, second - first - 1);
    std::string const path = line.substr(second + 1);
    if (controllers.empty()) {
      std::string const base = "/sys/fs/cgroup" + path;
      left =
          std::min(left, read_number(base + "/memory.max") - read_number(base + "/memory.current"));
    } else if (controllers == "memory") {
      std::string const base = "/sys/fs/cgroup/memory" + path;
      left = std::min(left, read_number(base + "/memory.limit_in_bytes") -
                                read_number(base + "/memory.usage_in_bytes"));
    }
  }
  return left == left ? left : std::numeric_limits<double>::infinity();  // inf - inf: no such files
}

}  // namespace

double peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

double available_memory_bytes() {
  double available = std::numeric_limits<double>::infinity();
  std::ifstream info("/proc/meminfo");
  for (std::string key, unit; info >> key;) {
    double value = 0;
    info >> value;
    std::getline(info, unit);
    if (key == "MemAvailable:") available = 1024.0 * value;
  }
  return std::min(available, left_in_control_group());
}

}  // namespace widelimit::runtime
