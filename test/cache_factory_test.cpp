// SPDX-License-Identifier: MIT
#include "kvcache/cache_factory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/error.h"

namespace proxima {
namespace {

CacheGeometry geometry_of(size_t n_layers, size_t n_kv_heads, size_t head_dim) {
  return {n_layers, n_kv_heads, head_dim, std::vector<size_t>(n_layers, 0)};
}

SharingMap random_map(const CacheGeometry& geometry, std::mt19937& random) {
  SharingMap map{.n_layers = geometry.n_layers, .n_kv_heads = geometry.n_kv_heads, .block_starts = {}};
  map.ns = random() % 9;
  map.nr = 1 + random() % 40;
  for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
    auto& starts = map.block_starts.emplace_back(1, 0);
    for (size_t layer = 1; layer < geometry.n_layers; ++layer) {
      if (random() % 2 == 0 || geometry.layer_class[layer] != geometry.layer_class[layer - 1]) starts.push_back(layer);
    }
  }
  return map;
}

// Splits the layers into classes of which some have a window.
CacheGeometry with_windows(CacheGeometry geometry, std::mt19937& random) {
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    geometry.layer_class[layer] = layer / 2;
    const size_t window = random() % 2 == 0 ? SIZE_MAX : 1 + random() % 60;
    geometry.layer_window.push_back(layer % 2 == 0 ? window : geometry.layer_window.back());
  }
  return geometry;
}

void append(KvCache& cache, size_t n) {
  const CacheGeometry& geometry = cache.geometry();
  const std::vector<std::byte> rows(n * geometry.n_kv_heads * geometry.head_dim * 8);
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) cache.append(layer, n, rows.data(), rows.data());
}

void expect_as_planned(const KvCache& cache, const CacheChoice& choice, CachePhase phase) {
  const CacheBytes real = cache.total_bytes();
  const CacheBytes planned = planned_cache_bytes(choice, cache.geometry(), cache.capacity(), cache.n_tokens(), phase);
  EXPECT_EQ(real.logical, planned.logical) << cache.n_tokens() << " tokens";
  EXPECT_EQ(real.slack, planned.slack) << cache.n_tokens() << " tokens";
  EXPECT_EQ(real.allocated, planned.allocated) << cache.n_tokens() << " tokens";
  EXPECT_EQ(real.reserved, planned.reserved);
}

// Reads a prompt in chunks and then decodes; the plan must equal the running cache after every step.
void compare_through_a_run(const CacheChoice& choice, const CacheGeometry& geometry, const CacheCapacity& capacity,
                           size_t n_prompt) {
  const auto cache = make_cache(choice, geometry, capacity);
  cache->begin_prompt(1);
  for (size_t done = 0; done < n_prompt;) {
    const size_t n = std::min(capacity.max_chunk, n_prompt - done);
    append(*cache, n);
    done += n;
    expect_as_planned(*cache, choice, CachePhase::kReadingPrompt);
  }
  cache->end_prompt();
  expect_as_planned(*cache, choice, CachePhase::kAfterPrompt);
  while (cache->n_tokens() < capacity.max_context) {
    append(*cache, 1);
    expect_as_planned(*cache, choice, CachePhase::kAfterPrompt);
  }
}

TEST(CacheFactory, PlanEqualsTheRunningCacheStepByStep) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    CacheGeometry geometry = geometry_of(1 + random() % 6, 1 + random() % 3, 2 * (1 + random() % 40));
    if (round % 2 == 0) geometry = with_windows(geometry, random);
    const size_t n_prompt = 1 + random() % 120;
    const DType dtypes[] = {DType::kF64, DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0};
    if (round % 3 == 0) geometry.head_dim = 32 * (1 + random() % 4);
    const size_t n_dtypes = geometry.head_dim % 32 == 0 ? 5 : 4;
    const CacheCapacity capacity{n_prompt + random() % 20, 1 + random() % 30, dtypes[random() % n_dtypes],
                                 dtypes[random() % n_dtypes]};
    compare_through_a_run({}, geometry, capacity, n_prompt);
    compare_through_a_run({CacheKind::kPod, random_map(geometry, random)}, geometry, capacity, n_prompt);
  }
}

TEST(CacheFactory, LogicalBytesAreThoseOfThePaper) {
  // Llama-3-8B at 32768 tokens: 4 GiB, and 131072 bytes a token. With half of the cells borrowing beyond 4096 tokens:
  // a quarter of the distant bytes saved.
  const CacheGeometry geometry = geometry_of(32, 8, 128);
  const CacheCapacity capacity{32768, 512, DType::kBF16, DType::kBF16};
  EXPECT_EQ(planned_cache_bytes({}, geometry, capacity, 32768, CachePhase::kAfterPrompt).logical, size_t{4} << 30);
  const CacheChoice pod{CacheKind::kPod, uniform_sharing_map(geometry, 2)};
  EXPECT_EQ(planned_cache_bytes(pod, geometry, capacity, 32768, CachePhase::kAfterPrompt).logical,
            (size_t{4} << 30) - (size_t{32768} - 4096) * 131072 / 4);
}

TEST(CacheFactory, WindowedLayersStopGrowing) {
  // Gemma-3-1B: 26 layers, every sixth global, the others of window 512; one KV head of 256.
  CacheGeometry geometry = geometry_of(26, 1, 256);
  for (size_t layer = 0; layer < 26; ++layer) geometry.layer_window.push_back((layer + 1) % 6 == 0 ? SIZE_MAX : 512);
  const CacheCapacity capacity{32768, 512, DType::kBF16, DType::kBF16};
  const auto at = [&](size_t n) {
    return planned_cache_bytes({}, geometry, capacity, n, CachePhase::kAfterPrompt).logical;
  };
  EXPECT_EQ(at(512), size_t{26} * 512 * 1024);
  EXPECT_EQ(at(32768), (size_t{4} * 32768 + size_t{22} * 512) * 1024);
}

TEST(CacheFactory, RefusesAChoiceWithoutEffectOrOfAnotherModel) {
  const CacheGeometry geometry = geometry_of(4, 2, 8);
  const auto kind_of = [&](const SharingMap& map) {
    try {
      check_cache_choice({CacheKind::kPod, map}, geometry, "map.json");
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::kLimit;  // nothing thrown
  };
  EXPECT_EQ(kind_of(uniform_sharing_map(geometry, 1)), ErrorKind::kUsage);
  EXPECT_EQ(kind_of(uniform_sharing_map(geometry_of(5, 2, 8), 2)), ErrorKind::kInput);
  SharingMap endless = uniform_sharing_map(geometry, 2);
  endless.nr = SIZE_MAX;
  EXPECT_EQ(kind_of(endless), ErrorKind::kInput);
  EXPECT_EQ(kind_of(uniform_sharing_map(geometry, 2)), ErrorKind::kLimit);
}

}  // namespace
}  // namespace proxima
