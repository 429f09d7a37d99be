// SPDX-License-Identifier: MIT
#include "core/processor.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>

namespace proxima {
namespace {

TEST(ProcessorTest, NamesAndTargetsCorrespond) {
  for (const SimdTarget target : {SimdTarget::kScalar, SimdTarget::kAvx2, SimdTarget::kAvx512, SimdTarget::kNeon}) {
    EXPECT_EQ(simd_target_from_name(simd_target_name(target)), target);
  }
  for (const char* name : {"", "AVX2", "avx", "avx512 ", "sse"}) EXPECT_EQ(simd_target_from_name(name), std::nullopt);
}

TEST(ProcessorTest, SupportsScalarFirstAndWhatTheProcessorSays) {
  const auto targets = supported_simd_targets();
  ASSERT_FALSE(targets.empty());
  EXPECT_EQ(targets.front(), SimdTarget::kScalar);
  EXPECT_TRUE(std::is_sorted(targets.begin(), targets.end()));
#if defined(__x86_64__)
  const auto supports = [&](SimdTarget target) { return std::count(targets.begin(), targets.end(), target) == 1; };
  EXPECT_EQ(supports(SimdTarget::kAvx2), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  EXPECT_EQ(supports(SimdTarget::kAvx512), __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                                               __builtin_cpu_supports("avx512dq") != 0);
  EXPECT_FALSE(supports(SimdTarget::kNeon));
#endif
}

TEST(ProcessorTest, ThreadsFollowTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  const ThreadChoice all = default_threads();
  EXPECT_GE(all.n_threads, 1);
  EXPECT_LE(all.n_threads, CPU_COUNT(&before));
  EXPECT_FALSE(all.reason.empty());
  size_t cpu = 0;
  while (!CPU_ISSET(cpu, &before)) ++cpu;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(default_threads().n_threads, 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

}  // namespace
}  // namespace proxima
