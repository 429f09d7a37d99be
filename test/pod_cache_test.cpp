// SPDX-License-Identifier: MIT
#include "kvcache/pod_cache.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/reserved_memory.h"
#include "test/cache_probe.h"
#include "test/random.h"
#include "test/random_map.h"

namespace proxima {
namespace {

using test::Random;

// Reads prompts and decodes between them, up to the cache's context; `step` checks after each chunk.
template <class Append, class Step>
void live(PodCache& cache, Random& random, Append append, Step step) {
  const size_t max_context = cache.capacity().max_context, max_chunk = cache.capacity().max_chunk;
  while (cache.n_tokens() < max_context) {
    cache.begin_prompt(1);
    for (size_t chunk = random.below(4); chunk > 0 && cache.n_tokens() < max_context; --chunk) {
      append(std::min(random.between(1, max_chunk), max_context - cache.n_tokens()));
      step(true);
    }
    cache.end_prompt();
    if (random.below(3) == 0) cache.end_prompt();
    step(false);
    for (size_t token = random.below(30); token > 0 && cache.n_tokens() < max_context; --token) {
      append(1);
      step(false);
    }
  }
}

TEST(PodCacheTest, ShowsEveryPositionOnceWithTheKeyOfItsClass) {
  Random random(1);
  size_t n_wrapped = 0;
  for (int round = 0; round < 90; ++round) {
    const CacheGeometry geometry = test::random_geometry(random);
    SharingMap map = test::random_map(geometry, random);
    if (round % 6 == 0) map.nr = 1;
    const CacheCapacity capacity{random.between(1, 250), random.between(1, 40), DType::kF32, DType::kF32};
    SCOPED_TRACE("round " + std::to_string(round) + " ns " + std::to_string(map.ns) + " nr " + std::to_string(map.nr));
    PodCache cache(geometry, capacity, map);
    const auto append = [&](size_t n) {
      const size_t end = cache.n_tokens() + n;
      test::append_labelled(cache, n, [&](size_t layer) {
        test::expect_each_position_once(cache, layer, end, n, [&](size_t head, size_t i, size_t j) {
          return j >= map.ns && j + map.nr <= i ? map.lowest(layer, head) : layer;
        });
      });
      if (end > map.ns + 2 * (map.nr + capacity.max_chunk)) ++n_wrapped;
    };
    for (int life = 0; life < 2; ++life) {
      live(cache, random, append, [](bool) {});
      if (HasFatalFailure()) return;
      cache.clear();
    }
  }
  EXPECT_GT(n_wrapped, 500U);
}

TEST(PodCacheTest, LogicalBytesAreTheFormula) {
  Random random(2);
  for (int round = 0; round < 60; ++round) {
    const CacheGeometry g = test::random_geometry(random);
    const SharingMap map = test::random_map(g, random);
    constexpr DType kDTypes[] = {DType::kBF16, DType::kF32, DType::kF64};
    const CacheCapacity capacity{random.between(1, 400), random.between(1, 40), kDTypes[random.below(3)],
                                 kDTypes[random.below(3)]};
    PodCache cache(g, capacity, map);
    const size_t key_bytes = g.head_dim * dtype_bytes(capacity.key_dtype);
    const size_t value_bytes = g.head_dim * dtype_bytes(capacity.value_dtype);
    const std::vector<std::byte> rows(capacity.max_chunk * g.n_kv_heads * g.head_dim * 8);
    const auto append = [&](size_t n) {
      for (size_t layer = 0; layer < g.n_layers; ++layer) cache.append(layer, n, rows.data(), rows.data());
    };
    live(cache, random, append, [&](bool in_prompt) {
      size_t total = 0;
      for (size_t layer = 0; layer < g.n_layers; ++layer) {
        const size_t t = std::min(cache.n_tokens(), g.window(layer)), near = std::min(t, map.ns + map.nr);
        size_t n_keys = 0, n_borrowed = 0;  // n(l, h) of methods, section 5, summed over heads
        for (size_t head = 0; head < g.n_kv_heads; ++head) {
          const auto& starts = map.block_starts[head];
          const bool owns = std::find(starts.begin(), starts.end(), layer) != starts.end();
          n_keys += owns ? t : near;
          n_borrowed += owns ? 0 : 1;
        }
        const CacheBytes bytes = cache.bytes(layer);
        ASSERT_EQ(bytes.logical, n_keys * key_bytes + g.n_kv_heads * t * value_bytes);
        const bool windowed = g.window(layer) != SIZE_MAX;
        const size_t longer = capacity.max_chunk - 1;
        const size_t slack = (windowed ? g.n_kv_heads : n_borrowed) * longer * key_bytes +
                             (windowed ? g.n_kv_heads * longer * value_bytes : 0);
        ASSERT_LE(bytes.slack, in_prompt ? slack : 0);
        ASSERT_GE(bytes.allocated, bytes.logical);
        ASSERT_LT(bytes.allocated, bytes.logical + bytes.slack + 2 * g.n_kv_heads * ReservedMemory::page_bytes());
        ASSERT_LE(bytes.allocated, bytes.reserved);
        total += bytes.logical;
      }
      ASSERT_EQ(cache.total_bytes().logical, total);
    });
    cache.clear();
    EXPECT_EQ(cache.total_bytes().logical, 0U);
    EXPECT_EQ(cache.total_bytes().allocated, 0U);
    if (HasFatalFailure()) return;
  }
}

// Llama 3 8B's layers and heads (rows of 8 instead of 128, so that the test can touch them), s = 0.75. The saving is
// s (T - P) / 2T of the dense bytes.
TEST(PodCacheTest, SavesWhatTheMethodPromises) {
  const CacheGeometry geometry{32, 8, 8, std::vector<size_t>(32, 0)};
  const size_t row_bytes = 16;
  const SharingMap map = uniform_sharing_map(geometry, 4);  // ns 16, nr 4080
  PodCache cache(geometry, {32768, 1024, DType::kBF16, DType::kBF16}, map);
  EXPECT_EQ(map.borrowed_share(), 0.75);
  EXPECT_EQ(cache.total_bytes().logical, 0U);
  EXPECT_EQ(cache.total_bytes().allocated, 0U);
  // A borrower's keys reserve no more than its ring.
  const size_t dense = size_t{2} * 32 * 8 * 32768 * row_bytes;
  EXPECT_LT(cache.total_bytes().reserved, dense * 70 / 100);
  const std::vector<std::byte> rows(1024 * 8 * row_bytes);
  cache.begin_prompt(1);
  for (size_t t = 0; t < 8192; t += 1024) {
    for (size_t layer = 0; layer < 32; ++layer) cache.append(layer, 1024, rows.data(), rows.data());
  }
  EXPECT_EQ(cache.total_bytes().slack, size_t{24} * 8 * 1023 * row_bytes);
  cache.end_prompt();
  const size_t dense_now = size_t{2} * 32 * 8 * 8192 * row_bytes;
  EXPECT_EQ(cache.total_bytes().logical, dense_now - dense_now * 3 / 16);  // 0.75 (8192 - 4096) / (2 8192)
  EXPECT_EQ(cache.total_bytes().slack, 0U);
}

}  // namespace
}  // namespace proxima
