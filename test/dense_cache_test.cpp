// SPDX-License-Identifier: MIT
#include "kvcache/dense_cache.h"

#include <gtest/gtest.h>

#include "core/reserved_memory.h"
#include "test/cache_probe.h"
#include "test/random.h"

namespace proxima {
namespace {

TEST(DenseCacheTest, ShowsEveryPositionOnce) {
  DenseCache cache({4, 2, 5, {0, 1, 2, 3}, {SIZE_MAX, 1, 23, 150}}, {200, 64, DType::kF32, DType::kF32});
  test::Random random(1);
  for (int round = 0; round < 2; ++round) {
    bool reading = false;
    while (cache.n_tokens() < 190) {
      reading = random.below(3) > 0;
      reading ? cache.begin_prompt(1) : cache.end_prompt();
      const size_t n = reading ? std::min(random.between(1, 64), 200 - cache.n_tokens()) : 1,
                   end = cache.n_tokens() + n;
      test::append_labelled(cache, n, [&](size_t layer) {
        test::expect_each_position_once(cache, layer, end, n, [&](size_t, size_t, size_t) { return layer; });
      });
      EXPECT_EQ(cache.n_tokens(), end);
    }
    cache.end_prompt();
    cache.clear();
    EXPECT_EQ(cache.n_tokens(), 0U);
    EXPECT_EQ(cache.total_bytes().logical, 0U);
    EXPECT_EQ(cache.total_bytes().allocated, 0U);
  }
}

TEST(DenseCacheTest, BytesAreTheFormula) {
  const size_t page = ReservedMemory::page_bytes();
  const size_t windows[] = {SIZE_MAX, 40, 1, 4000};
  for (const auto& [key, value] : {std::pair{DType::kBF16, DType::kF16}, std::pair{DType::kF64, DType::kF64},
                                   std::pair{DType::kBF16, DType::kF32}}) {
    DenseCache cache({4, 3, 10, {0, 1, 2, 3}, {windows, windows + 4}}, {5000, 64, key, value});
    size_t n_tokens = 0;
    cache.begin_prompt(1);
    const std::vector<std::byte> rows(64 * 3 * 10 * 8);
    for (const size_t n : {1U, 64U, 17U, 64U, 64U}) {
      for (size_t layer = 0; layer < 4; ++layer) cache.append(layer, n, rows.data(), rows.data());
      n_tokens += n;
      const size_t row_bytes = 10 * (dtype_bytes(key) + dtype_bytes(value));
      size_t total = 0;
      for (size_t layer = 0; layer < 4; ++layer) {
        const size_t kept = std::min(n_tokens, windows[layer]);
        const size_t held = windows[layer] == SIZE_MAX ? n_tokens : std::min(n_tokens, windows[layer] + 63);
        const CacheBytes bytes = cache.bytes(layer);
        EXPECT_EQ(bytes.logical, 3 * kept * row_bytes);
        EXPECT_EQ(bytes.slack, 3 * (held - kept) * row_bytes);
        EXPECT_GE(bytes.allocated, bytes.logical + bytes.slack);
        EXPECT_LT(bytes.allocated, bytes.logical + bytes.slack + 3 * 2 * page);
        const size_t most = windows[layer] == SIZE_MAX ? 5000 : std::min<size_t>(5000, windows[layer] + 63);
        EXPECT_GE(bytes.reserved, 3 * most * row_bytes);
        EXPECT_LT(bytes.reserved, 3 * most * row_bytes + 3 * 2 * page);
        total += bytes.logical;
      }
      EXPECT_EQ(cache.total_bytes().logical, total);
    }
    cache.end_prompt();
    EXPECT_EQ(cache.total_bytes().slack, 0U);
    EXPECT_EQ(cache.bytes(1).logical, 3 * 40 * 10 * (dtype_bytes(key) + dtype_bytes(value)));
    EXPECT_LT(cache.bytes(1).allocated, cache.bytes(1).logical + 3 * 2 * page);
  }
}

}  // namespace
}  // namespace proxima
