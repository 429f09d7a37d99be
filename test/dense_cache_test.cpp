// SPDX-License-Identifier: MIT
#include "kvcache/dense_cache.h"

#include <gtest/gtest.h>

#include "core/reserved_memory.h"
#include "test/cache_probe.h"
#include "test/random.h"

namespace proxima {
namespace {

TEST(DenseCacheTest, ShowsEveryPositionOnce) {
  DenseCache cache({3, 2, 5, {0, 0, 0}}, {200, 64, DType::kF32, DType::kF32});
  test::Random random(1);
  for (int round = 0; round < 2; ++round) {
    cache.begin_prompt();
    while (cache.n_tokens() < 190) {
      const size_t n = std::min(random.between(1, 64), 200 - cache.n_tokens()), end = cache.n_tokens() + n;
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
  for (const auto& [key, value] : {std::pair{DType::kBF16, DType::kF16}, std::pair{DType::kF64, DType::kF64},
                                   std::pair{DType::kBF16, DType::kF32}}) {
    DenseCache cache({4, 3, 10, {0, 0, 0, 0}}, {5000, 64, key, value});
    size_t n_tokens = 0;
    const std::vector<std::byte> rows(64 * 3 * 10 * 8);
    for (const size_t n : {1U, 64U, 17U, 64U, 64U}) {
      for (size_t layer = 0; layer < 4; ++layer) cache.append(layer, n, rows.data(), rows.data());
      n_tokens += n;
      const size_t row_bytes = 10 * (dtype_bytes(key) + dtype_bytes(value));
      for (size_t layer = 0; layer < 4; ++layer) {
        const CacheBytes bytes = cache.bytes(layer);
        EXPECT_EQ(bytes.logical, 3 * n_tokens * row_bytes);
        EXPECT_EQ(bytes.slack, 0U);
        EXPECT_GE(bytes.allocated, bytes.logical);
        EXPECT_LT(bytes.allocated, bytes.logical + 3 * 2 * page);
        EXPECT_GE(bytes.reserved, 3 * 5000 * row_bytes);
      }
      EXPECT_EQ(cache.total_bytes().logical, 4 * 3 * n_tokens * row_bytes);
    }
  }
}

}  // namespace
}  // namespace proxima
