#include "widelimit/runtime/memory.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "runtime/detail/control_groups.hpp"

namespace widelimit::runtime {
namespace {

constexpr double MiB = 1024.0 * 1024.0;

TEST(Memory, the_peak_grows_with_what_is_touched_and_stays) {
  double const before = peak_rss_bytes();
  {
    std::vector<char> const touched(64 << 20, 'x');
    EXPECT_EQ(touched.back(), 'x');
  }
  double const after = peak_rss_bytes();
  EXPECT_GT(before, 1 * MiB);
  // The pages may take the place of ones that were counted before and freed.
  EXPECT_GE(after, 64 * MiB);
  EXPECT_EQ(peak_rss_bytes(), after);
}

TEST(Memory, what_is_available_lies_within_the_machine) {
  double const machine =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  double const available = available_memory_bytes();
  EXPECT_GT(available, 1 * MiB);
  EXPECT_LE(available, machine);
}

/// A tree like /sys/fs/cgroup, in a folder of its own.
class ControlGroups : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "widelimit-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(std::string const& name, std::string const& content) const {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << content;
  }
  double left(std::string const& membership) const {
    write("membership", membership);
    return detail::memory_left_in_control_groups((root_ / "membership").string(),
                                                 (root_ / "tree").string());
  }

 private:
  std::filesystem::path root_;
};

TEST_F(ControlGroups, no_limit_is_infinite) {
  EXPECT_TRUE(std::isinf(left("")));
  EXPECT_TRUE(std::isinf(left("0::/job\n")));
  write("tree/job/memory.max", "max\n");
  write("tree/job/memory.current", "1000\n");
  EXPECT_TRUE(std::isinf(left("0::/job\n")));
  EXPECT_TRUE(std::isinf(left("garbage\n:\n")));
}

TEST_F(ControlGroups, version_2_subtracts_what_is_used) {
  write("tree/job/memory.max", "5000\n");
  write("tree/job/memory.current", "1200\n");
  EXPECT_EQ(left("0::/job\n"), 3800);
}

TEST_F(ControlGroups, cached_files_count_as_free) {
  write("tree/job/memory.max", "5000\n");
  write("tree/job/memory.current", "4900\n");
  write("tree/job/memory.stat", "anon 300\ninactive_file 4000\nactive_file 600\n");
  EXPECT_EQ(left("0::/job\n"), 4100);
}

TEST_F(ControlGroups, the_limit_of_a_group_further_up_holds) {
  // As Slurm nests them: the job has the limit, the task below it none.
  write("tree/slurm/job_7/memory.max", "9000\n");
  write("tree/slurm/job_7/memory.current", "2000\n");
  write("tree/slurm/job_7/step_0/user/task_0/memory.max", "max\n");
  write("tree/slurm/job_7/step_0/user/task_0/memory.current", "500\n");
  EXPECT_EQ(left("0::/slurm/job_7/step_0/user/task_0\n"), 7000);
  write("tree/slurm/job_7/step_0/memory.max", "3000\n");
  write("tree/slurm/job_7/step_0/memory.current", "600\n");
  EXPECT_EQ(left("0::/slurm/job_7/step_0/user/task_0\n"), 2400);
}

TEST_F(ControlGroups, inside_a_container_the_root_holds_the_limit) {
  write("tree/memory.max", "4000\n");
  write("tree/memory.current", "1000\n");
  EXPECT_EQ(left("0::/\n"), 3000);
  EXPECT_EQ(left("0::/name/seen/only/outside\n"), 3000);
}

TEST_F(ControlGroups, version_1_is_read_for_its_memory_controller_alone) {
  write("tree/memory/batch/memory.limit_in_bytes", "6000\n");
  write("tree/memory/batch/memory.usage_in_bytes", "2500\n");
  write("tree/memory/batch/memory.stat", "inactive_file 1\ntotal_inactive_file 500\n");
  write("tree/cpuset/batch/memory.limit_in_bytes", "1\n");
  EXPECT_EQ(left("5:cpuset:/batch\n4:memory:/batch\n1:name=systemd:/x:y\n0::/\n"), 4000);
  EXPECT_EQ(left("5:cpu,memory:/batch\n"), 4000);
}

TEST_F(ControlGroups, more_used_than_allowed_leaves_nothing) {
  write("tree/job/memory.max", "1000\n");
  write("tree/job/memory.current", "1500\n");
  EXPECT_EQ(left("0::/job\n"), 0);
}

}  // namespace
}  // namespace widelimit::runtime
