// SPDX-License-Identifier: MIT
#include "core/memory_limit.h"

#include <gtest/gtest.h>

#include "test/tiny_model.h"

namespace proxima {
namespace {

// A made-up machine with 8000 KiB available.
class MemoryLimitTest : public ::testing::Test {
 protected:
  MemoryLimitTest() { put("proc/meminfo", "MemTotal: 16000 kB\nMemFree: 10 kB\nMemAvailable:    8000 kB\n"); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((folder_.path() / path).parent_path());
    test::write_text(folder_.path() / path, text);
  }
  MemoryLimit available() const { return available_memory(folder_.path()); }

 private:
  test::TemporaryFolder folder_;
};

TEST_F(MemoryLimitTest, IsTheMachinesMemoryWithoutCgroupLimit) {
  put("proc/self/cgroup", "0::/user\n");
  put("sys/fs/cgroup/user/memory.max", "max\n");
  put("sys/fs/cgroup/user/memory.current", "4096\n");
  EXPECT_EQ(available().bytes, 8000U * 1024);
}

TEST_F(MemoryLimitTest, TheTightestGroupOnTheWayToTheRootDecides) {
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/memory.max", "1000000\n");
  put("sys/fs/cgroup/a/memory.current", "900000\n");
  put("sys/fs/cgroup/a/memory.stat", "anon 500000\ninactive_file 300000\nactive_file 50000\n");
  put("sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(available().bytes, 450000U);
  EXPECT_EQ(available().reason, "memory limit of cgroup /a");
}

TEST_F(MemoryLimitTest, KnowsVersionOneAndAFullGroup) {
  put("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n");
  put("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1000\n");
  put("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "2000\n");
  EXPECT_EQ(available().bytes, 0U);
}

TEST(ProcessMemory, SeesWhatIsTouched) {
  const ProcessMemory before = process_memory();
  const std::vector<char> touched(size_t{32} << 20, 'x');
  const ProcessMemory after = process_memory();
  EXPECT_GE(after.anonymous, before.anonymous + touched.size() * 9 / 10);
  EXPECT_GE(after.peak_resident, after.resident);
}

}  // namespace
}  // namespace proxima
