// SPDX-License-Identifier: MIT
#include "model/memory_plan.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <numeric>

#include "core/memory_limit.h"
#include "test/tiny_model.h"

#if defined(__SANITIZE_ADDRESS__)
#define PROXIMA_OWN_MALLOC 0  // mallinfo2() sees nothing of the sanitizer's allocator
#else
#define PROXIMA_OWN_MALLOC 1
#endif

namespace proxima {
namespace {

size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class MemoryPlanTest : public ::testing::Test {
 protected:
  MemoryPlanTest() {
    test::write_tiny_model(folder_.path(), {.hidden = 256,
                                            .layers = 3,
                                            .heads = 8,
                                            .kv_heads = 2,
                                            .head_dim = 32,
                                            .intermediate = 640,
                                            .vocab = 3000,
                                            .max_position = 100000,
                                            .attention_bias = true,
                                            .mlp_bias = true,
                                            .dtype = DType::kBF16});
  }
  test::TemporaryFolder folder_;
};

// The heap a transformer takes, the lazily grown buffers of a full chunk included, is what was planned, up to small
// change and, in fast, the buffers of the library that was not used.
TEST_F(MemoryPlanTest, ScratchIsWhatATransformerAllocates) {
  if (!PROXIMA_OWN_MALLOC) GTEST_SKIP() << "the heap cannot be measured under a sanitizer";
  const Model model = open_model(folder_.path());
  const Compute compute = default_compute();
  for (const Precision precision : {Precision::kF64, Precision::kF32, Precision::kFast}) {
    const TransformerLimits limits{20000, 192};
    const MemoryRequest request{
        precision, limits, compute.n_threads, default_cache_dtype(precision), default_cache_dtype(precision), {}};
    const auto cache = make_cache(request.cache, cache_geometry(model.config), cache_capacity(request));
    std::vector<TokenId> ids(limits.max_chunk);
    std::iota(ids.begin(), ids.end(), 0U);
    if (precision == Precision::kFast) {  // libraries keep what they made once
      const auto warm = make_cache(request.cache, cache_geometry(model.config), cache_capacity(request));
      Transformer::create(model, compute, precision, limits)->forward(ids, *warm, true);
    }
    const size_t before = heap_bytes();
    const auto transformer = Transformer::create(model, compute, precision, limits);
    transformer->forward(ids, *cache, true);
    const size_t real = heap_bytes() - before;
    const size_t planned = transformer_scratch_bytes(model.config, precision, limits, compute.n_threads);
    const size_t widest = 640;
    const size_t either_library = precision == Precision::kFast
                                      ? static_cast<size_t>(compute.n_threads) * 256 * widest * 4 + 192 * widest * 2
                                      : 0;
    EXPECT_LE(real, planned + planned / 50 + 65536) << static_cast<int>(precision);
    EXPECT_GE(real + either_library + planned / 50, planned) << static_cast<int>(precision);
  }
}

TEST_F(MemoryPlanTest, LargestContextIsTheLastThatFits) {
  const ModelConfig config = read_config(folder_.path());
  MemoryRequest request;
  request.limits = {1, 512};
  for (const bool pod : {false, true}) {
    if (pod) request.cache = {CacheKind::kPod, uniform_sharing_map(cache_geometry(config), 3)};
    const size_t available = size_t{400} << 20;
    const size_t largest = largest_context(config, 5000000, request, 10000000, available);
    ASSERT_GT(largest, 1000U);
    const auto peak_at = [&](size_t n) {
      MemoryRequest at = request;
      at.limits.max_context = n;
      return plan_memory(config, 5000000, at).peak;
    };
    EXPECT_LE(peak_at(largest), available);
    EXPECT_GT(peak_at(largest + 1), available);
    EXPECT_EQ(largest_context(config, 5000000, request, 777, available), 777U);
    EXPECT_EQ(largest_context(config, 5000000, request, 777, 1000), 0U);
  }
}

TEST_F(MemoryPlanTest, PodKeepsLessThanDenseAndSaysHowMuch) {
  const ModelConfig config = read_config(folder_.path());
  MemoryRequest request;
  request.limits = {50000, 512};
  const MemoryPlan dense = plan_memory(config, 0, request);
  EXPECT_EQ(dense.kv.logical, dense.kv_dense);
  request.cache = {CacheKind::kPod, uniform_sharing_map(cache_geometry(config), 3)};
  const MemoryPlan pod = plan_memory(config, 0, request);
  EXPECT_EQ(pod.kv_dense, dense.kv.logical);
  EXPECT_LT(pod.peak, dense.peak);
  EXPECT_EQ(pod.reading.slack, size_t{511} * 2 * 2 * 32 * 2);  // 2 borrowing layers, 2 heads, 32 numbers of 2 bytes
}

}  // namespace
}  // namespace proxima
