#include "runtime/detail/control_groups.hpp"

#include <algorithm>
#include <fstream>
#include <limits>

namespace widelimit::runtime::detail {
namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

/// The files of one version of control groups.
struct Files {
  char const* limit;
  char const* usage;
  char const* inactive_cache;  ///< key in memory.stat
};
constexpr Files version_1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr Files version_2{"memory.max", "memory.current", "inactive_file"};

/// The number in a file; `fallback` where there is none ("max" means no limit).
double read_number(std::string const& path, double fallback) {
  std::ifstream file(path);
  double value = 0;
  return file >> value ? value : fallback;
}

double read_statistic(std::string const& path, std::string const& wanted) {
  std::ifstream file(path);
  double value = 0;
  for (std::string key; file >> key >> value;)
    if (key == wanted) return value;
  return 0;
}

double left_in_group(std::string const& folder, Files const& files) {
  double const limit = read_number(folder + "/" + files.limit, unlimited);
  double const usage = read_number(folder + "/" + files.usage, 0);
  double const cache = read_statistic(folder + "/memory.stat", files.inactive_cache);
  return std::max(0.0, limit - std::max(0.0, usage - cache));
}

/// The least of the group `path` and those around it: a batch system limits the job, which is some
/// levels above the process, and a container may not see the names outside it.
double left_up_from(std::string const& tree, std::string path, Files const& files) {
  double left = left_in_group(tree, files);
  while (!path.empty() && path != "/") {
    left = std::min(left, left_in_group(tree + path, files));
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  return left;
}

}  // namespace

double memory_left_in_control_groups(std::string const& membership, std::string const& mount) {
  double left = unlimited;
  std::ifstream groups(membership);
  // NUMBER:CONTROLLERS:PATH; version 2 has no controllers, version 1 may have several.
  for (std::string line; std::getline(groups, line);) {
    auto const first = line.find(':');
    auto const second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string const controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    std::string const path = line.substr(second + 1);
    if (controllers == ",,") {
      left = std::min(left, left_up_from(mount, path, version_2));
    } else if (controllers.find(",memory,") != std::string::npos) {
      left = std::min(left, left_up_from(mount + "/memory", path, version_1));
    }
  }
  return left;
}

}  // namespace widelimit::runtime::detail
