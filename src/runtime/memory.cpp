#include "widelimit/runtime/memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <memory>
#include <string>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/detail/control_groups.hpp"

namespace widelimit::runtime {

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
  return std::min(available,
                  detail::memory_left_in_control_groups("/proc/self/cgroup", "/sys/fs/cgroup"));
}

void prefer_large_pages(void* begin, std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  auto const page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* first = begin;
  if (std::align(page, page, first, bytes) != nullptr)
    madvise(first, bytes / page * page, MADV_HUGEPAGE);
#else
  (void)begin, (void)bytes;
#endif
}

}  // namespace widelimit::runtime
