// SPDX-License-Identifier: MIT
#include "core/huge_pages.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>

#include "core/reserved_memory.h"
#include "kvcache/dense_cache.h"
#include "test/cache_probe.h"

namespace proxima {
namespace {

using Range = std::span<const std::byte>;

const std::byte* first_piece(const ReservedMemory& memory) {
  const auto begin = reinterpret_cast<uintptr_t>(memory.data());
  return reinterpret_cast<const std::byte*>((begin + kHugePage - 1) / kHugePage * kHugePage);
}

// Of this process, in bytes; "Rss:" or "AnonHugePages:".
size_t memory_of(const std::string& name) {
  std::ifstream maps("/proc/self/smaps_rollup");
  for (std::string line; std::getline(maps, line);) {
    if (line.starts_with(name)) return std::stoull(line.substr(name.size())) * 1024;
  }
  return 0;
}

size_t huge_bytes() {
  return memory_of("AnonHugePages:");
}

bool system_has_huge_pages() {
  const size_t before = huge_bytes();
  const ReservedMemory memory(2 * kHugePage);
  std::memset(memory.data(), 1, memory.n_bytes());
  const Range all[] = {{memory.data(), memory.n_bytes()}};
  move_to_huge_pages(all);
  return huge_bytes() > before;
}

// Addresses only: nothing of them is read.
TEST(HugePagesTest, PiecesAreThoseThatRangesFillButForAnEighth) {
  const auto at = [](size_t offset) { return reinterpret_cast<const std::byte*>(16 * kHugePage + offset); };
  const auto pieces = [](std::vector<Range> ranges) { return huge_pieces(ranges); };
  using Pieces = std::vector<const std::byte*>;
  constexpr size_t kEnough = kHugePage - kHugePage / 8;
  EXPECT_EQ(pieces({}), Pieces{});
  EXPECT_EQ(pieces({{at(0), kEnough}}), Pieces{at(0)});
  EXPECT_EQ(pieces({{at(0), kEnough - 1}}), Pieces{});
  EXPECT_EQ(pieces({{at(kHugePage - 1), kHugePage + 2}}), Pieces{at(kHugePage)});
  EXPECT_EQ(pieces({{at(kHugePage / 2), 3 * kHugePage}}), (Pieces{at(kHugePage), at(2 * kHugePage)}));
  // Neighbours, the later first, with a gap of a page between them and none.
  EXPECT_EQ(pieces({{at(4096 + 5000), 2 * kHugePage}, {at(0), 5000}}), (Pieces{at(0), at(kHugePage)}));
  EXPECT_EQ(pieces({{at(5000), kEnough - 5000}, {at(0), 5000}}), Pieces{at(0)});
}

TEST(HugePagesTest, MovesWholePiecesAndKeepsWhatTheyHold) {
  if (!system_has_huge_pages()) GTEST_SKIP() << "the system gives no huge pages";
  const ReservedMemory memory(4 * kHugePage);
  const std::byte* begin = first_piece(memory);
  std::byte* data = memory.data() + (begin - memory.data());
  const size_t n_bytes = 2 * kHugePage + kHugePage / 2;
  for (size_t i = 0; i < n_bytes; ++i) data[i] = static_cast<std::byte>(i * 7 + i / 4096);
  const size_t held = memory_of("Rss:"), huge = huge_bytes();
  const Range range[] = {{data, n_bytes}};
  move_to_huge_pages(range);
  EXPECT_EQ(huge_bytes() - huge, 2 * kHugePage);
  EXPECT_LT(memory_of("Rss:"), held + kHugePage / 4);
  for (size_t i = 0; i < n_bytes; ++i) ASSERT_EQ(data[i], static_cast<std::byte>(i * 7 + i / 4096)) << i;
}

TEST(HugePagesTest, CachesAreMovedWhenAPromptEndsAndWhenRestored) {
  if (!system_has_huge_pages()) GTEST_SKIP() << "the system gives no huge pages";
  constexpr size_t kTokens = 20000;  // 5 MB of keys and as much of values
  const CacheGeometry geometry{1, 1, 64, {0}};
  const CacheCapacity capacity{kTokens, kTokens, DType::kF32, DType::kF32};
  DenseCache cache(geometry, capacity), restored(geometry, capacity);
  const size_t at_first = huge_bytes();
  cache.begin_prompt(kTokens);
  test::append_labelled(cache, kTokens, [](size_t) {});
  cache.end_prompt();
  const size_t after_prompt = huge_bytes();
  EXPECT_GE(after_prompt, at_first + 2 * kHugePage);
  restored.restore(kTokens, cache.save(), "test");
  EXPECT_GE(huge_bytes(), after_prompt + 2 * kHugePage);
  for (const DenseCache* each : {&cache, &restored}) {
    View view;
    each->show(0, 0, 1, view);
    for (size_t row = 0; row < kTokens; row += 999) {
      EXPECT_EQ(test::label_at(view[0].keys, row), (test::RowLabel{0, 0, static_cast<float>(row), 0}));
      EXPECT_EQ(test::label_at(view[0].values, row), (test::RowLabel{0, 0, static_cast<float>(row), 1}));
    }
  }
}

}  // namespace
}  // namespace proxima
