// SPDX-License-Identifier: MIT
#include "kvcache/recent_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "test/random.h"

namespace proxima {
namespace {

// Rows of one float, which says the position.
float label(const StoredRows& rows, size_t row) {
  float value = 0;
  std::memcpy(&value, rows.from(row).data, sizeof(value));
  return value;
}

void append(RecentRows& rows, size_t n) {
  std::vector<float> source(3 * n, -1);  // two floats of others between
  for (size_t k = 0; k < n; ++k) source[3 * k] = static_cast<float>(rows.n_tokens() + k);
  rows.append(n, reinterpret_cast<const std::byte*>(source.data()), 3 * sizeof(float));
}

// Positions [begin, end) lie in as many runs as said, each as long as said.
void expect_held(const RecentRows& rows, size_t begin, size_t end) {
  while (begin < end) {
    const size_t run = rows.run(begin);
    ASSERT_GT(run, 0U);
    for (size_t k = 0; k < run && begin + k < end; ++k)
      ASSERT_EQ(label(rows.at(begin), k), static_cast<float>(begin + k));
    begin += run;
  }
}

TEST(RecentRowsTest, HoldsTheFirstAndTheRecentThroughEveryChange) {
  test::Random random(1);
  for (int round = 0; round < 200; ++round) {
    const KeptTokens kept{random.below(2) * random.below(9), random.below(5) == 0 ? SIZE_MAX : random.between(1, 30)};
    const CacheCapacity capacity{random.between(1, 150), random.between(1, 20), DType::kF32, DType::kF32};
    SCOPED_TRACE("first " + std::to_string(kept.n_first) + " recent " + std::to_string(kept.n_recent) + " chunk " +
                 std::to_string(capacity.max_chunk) + " context " + std::to_string(capacity.max_context));
    RecentRows rows(kept, capacity, 1, DType::kF32);
    for (int life = 0; life < 2; ++life) {
      bool reading = false;
      while (rows.n_tokens() < capacity.max_context) {
        if (random.below(4) == 0) {
          reading = !reading;
          reading ? rows.begin_prompt() : rows.end_prompt();
        }
        const size_t room = capacity.max_context - rows.n_tokens();
        const size_t n = reading ? std::min(room, random.between(1, capacity.max_chunk)) : 1;
        append(rows, n);
        const size_t end = rows.n_tokens(), first_query = end - n;
        expect_held(rows, 0, std::min(kept.n_first, end));
        expect_held(rows, std::max(std::min(kept.n_first, end), first_visible(kept.n_recent, first_query)), end);
        const size_t kept_rows = kept.n_recent == SIZE_MAX ? end : std::min(end, kept.n_first + kept.n_recent);
        ASSERT_EQ(rows.bytes().logical, kept_rows * sizeof(float));
        ASSERT_LE(rows.bytes().slack, reading ? (capacity.max_chunk - 1) * sizeof(float) : 0);
        ASSERT_GE(rows.bytes().allocated, rows.bytes().logical);
        ASSERT_LE(rows.bytes().allocated, rows.bytes().reserved);
      }
      rows.clear();
      ASSERT_EQ(rows.n_tokens(), 0U);
      ASSERT_EQ(rows.bytes().allocated, 0U);
    }
  }
}

TEST(RecentRowsTest, FirstVisible) {
  EXPECT_EQ(first_visible(1, 0), 0U);
  EXPECT_EQ(first_visible(1, 7), 7U);
  EXPECT_EQ(first_visible(3, 7), 5U);
  EXPECT_EQ(first_visible(8, 7), 0U);
  EXPECT_EQ(first_visible(SIZE_MAX, 7), 0U);
}

// Keys and values whose rings wrap at different places come in one segment for each run that both share.
TEST(RecentRowsTest, ShowsRunsOfKeysAndValuesTogether) {
  const CacheCapacity capacity{100, 1, DType::kF32, DType::kF32};
  RecentRows keys({2, 5}, capacity, 1, DType::kF32), values({0, 9}, capacity, 1, DType::kF32);
  for (size_t t = 0; t < 20; ++t) {
    append(keys, 1);
    append(values, 1);
  }
  View view;
  show_rows(keys, values, 15, 20, 3, 7, view);  // keys break before 17 (2 + 5k), values before 18 (9k)
  ASSERT_EQ(view.size(), 3U);
  size_t next = 15;
  for (const Segment& segment : view) {
    EXPECT_EQ(segment.first, next);
    EXPECT_EQ(segment.min_age, 3U);
    EXPECT_EQ(segment.max_age, 7U);
    for (size_t row = 0; row < segment.count; ++row, ++next) {
      EXPECT_EQ(label(segment.keys, row), static_cast<float>(next));
      EXPECT_EQ(label(segment.values, row), static_cast<float>(next));
    }
  }
  EXPECT_EQ(next, 20U);
  show_rows(keys, values, 20, 20, 0, 1, view);
  show_rows(keys, values, 19, 3, 0, 1, view);
  EXPECT_EQ(view.size(), 3U);
}

}  // namespace
}  // namespace proxima
