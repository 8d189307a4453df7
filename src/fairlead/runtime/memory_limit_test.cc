#include "fairlead/runtime/memory_limit.h"

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace fairlead::runtime {
namespace {

// The files of a system, in a folder of their own.
class MemoryLimitTest : public ::testing::Test {
 protected:
  MemoryLimitTest()
      : root_(std::filesystem::temp_directory_path() / ("fl_memory_" + std::to_string(getpid()))) {}
  ~MemoryLimitTest() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::uint64_t limit() const { return memory_limit(root_.string() + "/"); }

  const std::filesystem::path root_;
  const std::uint64_t machine_ = memory_limit("/nowhere/");
};

TEST_F(MemoryLimitTest, WithoutGroupsItIsTheMachines) {
  EXPECT_GT(machine_, 1U << 20U);
  EXPECT_EQ(limit(), machine_);
}

TEST_F(MemoryLimitTest, IsTheLeastOfAGroupAndThoseAboveIt) {
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/memory.max", "1048576\n");
  EXPECT_EQ(limit(), 1048576U);

  write("sys/fs/cgroup/a/b/memory.max", "524288\n");
  EXPECT_EQ(limit(), 524288U);
}

TEST_F(MemoryLimitTest, KnowsTheFirstVersionOfGroups) {
  write("proc/self/cgroup", "3:cpu:/c\n7:blkio,memory:/a\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "2097152\n");
  EXPECT_EQ(limit(), 2097152U);
}

TEST_F(MemoryLimitTest, InsideAContainerTheGroupIsTheRoot) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "4194304\n");
  EXPECT_EQ(limit(), 4194304U);
}

TEST_F(MemoryLimitTest, FilesThatSayNothingAreNoLimit) {
  write("proc/self/cgroup", "\nnothing\n0:\n0::/a\n");
  write("sys/fs/cgroup/a/memory.max", "much\n");
  EXPECT_EQ(limit(), machine_);
}

TEST(MemoryUsed, GrowsWithWhatIsTouched) {
  constexpr std::size_t kBytes = 64U << 20U;
  const std::uint64_t before = memory_used();
  // Of the system itself: what sanitizers do about large blocks of the heap changes more than that.
  void* const touched = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  ASSERT_NE(touched, MAP_FAILED);

  EXPECT_GT(memory_used(), before + kBytes / 2);
  ::munmap(touched, kBytes);
}

}  // namespace
}  // namespace fairlead::runtime
