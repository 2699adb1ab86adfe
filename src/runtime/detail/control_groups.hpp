/// \file
/// What the control groups of a process (a batch job, a container) let it allocate.
#pragma once

#include <string>

namespace widelimit::runtime::detail {

/// Bytes that the memory control groups of a process still allow: the least over its groups and all
/// groups around them, of version 1 and 2. What the kernel can take back, cached file contents that
/// are not in use, counts as free. Infinite where none has a limit. Local.
/// \param membership  file that lists the groups of the process: /proc/self/cgroup
/// \param mount       folder with the trees of groups: /sys/fs/cgroup
double memory_left_in_control_groups(std::string const& membership, std::string const& mount);

}  // namespace widelimit::runtime::detail
