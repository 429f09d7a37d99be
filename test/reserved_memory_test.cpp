// SPDX-License-Identifier: MIT
#include "core/reserved_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/error.h"

namespace proxima {
namespace {

size_t resident_pages(const ReservedMemory& memory) {
  std::vector<unsigned char> pages(memory.n_bytes() / ReservedMemory::page_bytes());
  EXPECT_EQ(mincore(memory.data(), memory.n_bytes(), pages.data()), 0);
  return static_cast<size_t>(std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; }));
}

TEST(ReservedMemoryTest, CostsWhatIsTouched) {
  const size_t page = ReservedMemory::page_bytes();
  ReservedMemory memory(1000 * page);
  EXPECT_EQ(resident_pages(memory), 0U);
  for (const size_t touched : {0U, 1U, 2U, 500U}) memory.data()[touched * page + 7] = std::byte{42};
  EXPECT_EQ(resident_pages(memory), 4U);
  EXPECT_EQ(memory.data()[8], std::byte{0});
}

TEST(ReservedMemoryTest, DiscardsWholePagesOnly) {
  const size_t page = ReservedMemory::page_bytes();
  ReservedMemory memory(8 * page);
  std::fill_n(memory.data(), 8 * page, std::byte{42});
  memory.discard(page + 1, 4 * page - 1);  // page 2 alone lies inside
  for (size_t byte = 0; byte < 8 * page; ++byte) {
    ASSERT_EQ(memory.data()[byte], byte / page == 2 ? std::byte{0} : std::byte{42}) << byte;
  }
  memory.discard(0, memory.n_bytes());
  EXPECT_EQ(resident_pages(memory), 0U);
}

TEST(ReservedMemoryTest, TheLastPageMayBePartial) {
  const size_t page = ReservedMemory::page_bytes();
  ReservedMemory memory(page + 10);
  memory.data()[page + 9] = std::byte{42};
  memory.discard(1, page + 10);
  EXPECT_EQ(memory.data()[page + 9], std::byte{0});
  EXPECT_EQ(ReservedMemory(0).data(), nullptr);
}

TEST(ReservedMemoryTest, Moves) {
  ReservedMemory memory(100);
  memory.data()[0] = std::byte{42};
  ReservedMemory other = std::move(memory);
  EXPECT_EQ(other.data()[0], std::byte{42});
  memory = std::move(other);
  EXPECT_EQ(memory.data()[0], std::byte{42});
  EXPECT_EQ(memory.n_bytes(), 100U);
}

TEST(ReservedMemoryTest, SaysWhatItCouldNotReserve) {
  try {
    const ReservedMemory memory(size_t{1} << 60);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kMemory);
    EXPECT_NE(std::string(error.what()).find("1152921504606846976"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace proxima
